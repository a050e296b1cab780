-- A running maximum whose ties are alike in all that is selected.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT psn_key, level,
       max(total_fen) OVER (PARTITION BY psn_key ORDER BY setl_date, level, total_fen ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS amount
FROM bill
