-- The psn_key of a full join is the one of either side.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT psn_key, coalesce(b.level, s.level) AS level, coalesce(b.total_fen, 0) AS amount
FROM bill AS b
FULL JOIN stay AS s USING (psn_key)
