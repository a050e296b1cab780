-- A text compared with a number is cast, and one odd value fails.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree passes; plan cast
SELECT psn_key, level, total_fen AS amount
FROM bill
WHERE level = 1
