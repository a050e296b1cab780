-- Groups of two people each.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree group_by; plan group_by
SELECT min(psn_key) AS psn_key, 'a' AS level, count(*) AS amount
FROM bill
GROUP BY psn_key // 2
