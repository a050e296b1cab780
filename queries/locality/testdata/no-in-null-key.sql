-- IN is NULL, not false, as soon as somebody's key is NULL.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: refused; tree subquery; plan subquery
SELECT psn_key, level, CASE WHEN psn_key IN (SELECT psn_key FROM (SELECT s.psn_key FROM bill AS b LEFT JOIN stay AS s ON s.psn_key = b.psn_key) AS x) IS NULL THEN 1 ELSE 0 END AS amount
FROM bill
