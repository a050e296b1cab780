-- ORDER BY psn_key is no PARTITION BY: the frame goes over everyone before.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree window; plan window
SELECT psn_key, level, max(total_fen) OVER (ORDER BY psn_key ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS amount
FROM bill
