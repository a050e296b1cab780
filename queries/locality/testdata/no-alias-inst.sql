-- Rows of a hospital as if they were a person's.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree psn_key; plan group_by
SELECT inst_key AS psn_key, level, sum(total_fen) AS amount
FROM bill
GROUP BY inst_key, level
