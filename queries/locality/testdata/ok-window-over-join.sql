-- The selected key is in the PARTITION BY.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT b.psn_key, b.level, count(*) OVER (PARTITION BY b.psn_key) AS amount
FROM bill AS b
LEFT JOIN stay AS s ON s.psn_key = b.psn_key
