-- The first bill of each person.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT psn_key, level, total_fen AS amount
FROM bill
QUALIFY row_number() OVER (PARTITION BY psn_key ORDER BY setl_date, setl_key, mdtrt_key, level, total_fen) = 1
