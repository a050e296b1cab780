-- The place of a row depends on the rows before it.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree column; plan plan
SELECT psn_key, level, rowid AS amount
FROM bill
