-- After an outer join, rows without a match share the NULL of the other key.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: refused; tree window; plan psn_key
SELECT b.psn_key, b.level, count(*) OVER (PARTITION BY s.psn_key) AS amount
FROM bill AS b
LEFT JOIN stay AS s ON b.psn_key = s.psn_key
