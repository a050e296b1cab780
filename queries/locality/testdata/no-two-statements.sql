-- Two statements.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree statements; plan plan
SELECT psn_key, level, total_fen AS amount FROM bill; SELECT psn_key, level, total_fen AS amount FROM bill
