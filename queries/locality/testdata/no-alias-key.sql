-- Another key under the name of psn_key.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: refused; tree psn_key; plan join
SELECT b.psn_key, b.level, 1 AS amount
FROM bill AS b
JOIN (SELECT inst_key AS psn_key, begn FROM stay) AS s USING (psn_key)
