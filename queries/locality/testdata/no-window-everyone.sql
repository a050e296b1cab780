-- The window is everyone.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree window; plan window
SELECT psn_key, level, count(*) OVER () AS amount
FROM bill
