-- The sub-query selects the key of the outer row: any stay there will do.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: refused; tree column; plan subquery
SELECT b.psn_key, b.level, b.total_fen AS amount
FROM bill AS b
WHERE b.psn_key IN (SELECT b.psn_key FROM stay AS s WHERE s.mdtrt_key = b.mdtrt_key)
