-- ROLLUP has a group of everyone, whose psn_key is NULL, and the CASE names it.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree group_by; plan group_by
SELECT psn_key, level, sum(total_fen) AS amount
FROM bill
GROUP BY ROLLUP (level, psn_key)
