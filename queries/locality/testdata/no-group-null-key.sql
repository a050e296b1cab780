-- A group of the NULLs of an outer join, with the other key beside it.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: refused; tree psn_key; plan psn_key
SELECT min(b.psn_key) AS psn_key, 'a' AS level, count(*) AS amount
FROM bill AS b
LEFT JOIN stay AS s ON b.psn_key = s.psn_key
GROUP BY s.psn_key
