-- An inner join ties the classes of three views.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type); person person(age, sex)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT p.psn_key, s.level, b.total_fen AS amount
FROM person AS p
JOIN bill AS b USING (psn_key)
LEFT JOIN stay AS s ON s.psn_key = b.psn_key AND s.mdtrt_key = b.mdtrt_key
