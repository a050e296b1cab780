-- The first bill of a day, whichever that is.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree ties; plan passes
SELECT psn_key, level, total_fen AS amount
FROM bill
QUALIFY row_number() OVER (PARTITION BY psn_key ORDER BY setl_date) = 1
