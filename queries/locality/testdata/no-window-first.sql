-- Any one of a person's bills.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree ties; plan passes
SELECT psn_key, level, first_value(total_fen) OVER (PARTITION BY psn_key) AS amount
FROM bill
