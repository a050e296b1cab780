-- Rows without a match are filled up; the key of the left side is selected.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT b.psn_key, b.level, coalesce(date_diff('day', s.begn, s."end"), 0) AS amount
FROM bill AS b
LEFT JOIN stay AS s USING (psn_key, mdtrt_key)
