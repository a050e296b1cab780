-- A running sum over bills of one level in any order.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree ties; plan passes
SELECT psn_key, level,
       TRY_CAST(sum(total_fen) OVER (PARTITION BY psn_key ORDER BY level ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS BIGINT) AS amount
FROM bill
