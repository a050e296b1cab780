-- The bill before, of several on one day.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree ties; plan passes
SELECT psn_key, level, lag(total_fen) OVER (PARTITION BY psn_key ORDER BY setl_date, mdtrt_key) AS amount
FROM bill
