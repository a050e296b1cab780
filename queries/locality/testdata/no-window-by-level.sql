-- The window is everyone at one level.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree window; plan window
SELECT psn_key, level, row_number() OVER (PARTITION BY level ORDER BY total_fen, setl_date, psn_key) AS amount
FROM bill
