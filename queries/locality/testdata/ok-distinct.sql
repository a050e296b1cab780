-- DISTINCT over whole rows.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT DISTINCT psn_key, level, 1 AS amount
FROM bill
