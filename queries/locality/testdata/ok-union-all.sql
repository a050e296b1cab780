-- Selections put together.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT psn_key, level, total_fen AS amount
FROM bill
UNION ALL
SELECT psn_key, level, 0 AS amount
FROM stay
