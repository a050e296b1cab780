-- A grouping set without psn_key.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree group_by; plan group_by
SELECT psn_key, level, count(*) AS amount
FROM bill
GROUP BY GROUPING SETS ((psn_key, level), (psn_key), (level))
