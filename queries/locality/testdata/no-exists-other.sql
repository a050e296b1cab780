-- A stay of another person in the same hospital.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: refused; tree subquery; plan subquery
SELECT b.psn_key, b.level, b.total_fen AS amount
FROM bill AS b
WHERE EXISTS (SELECT 1 FROM stay AS s WHERE s.inst_key = b.inst_key AND s.psn_key <> b.psn_key)
