-- A condition that is never true: nothing comes out.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT psn_key, level, total_fen AS amount
FROM bill
WHERE false
