-- A running sum over one person's rows, and all of them.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT psn_key, level,
       TRY_CAST(max(total_fen) OVER (PARTITION BY psn_key ORDER BY setl_date ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS BIGINT) AS amount
FROM bill
