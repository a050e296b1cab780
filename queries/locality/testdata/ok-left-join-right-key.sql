-- The key of the filled-up side is NULL where nothing matched: those rows are nobody's, and are dropped.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT s.psn_key, b.level, b.total_fen AS amount
FROM bill AS b
LEFT JOIN stay AS s ON b.psn_key = s.psn_key
