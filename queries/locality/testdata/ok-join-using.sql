-- A join by USING.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); person person(age, sex)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT b.psn_key, b.level, p.age AS amount
FROM bill AS b
JOIN person AS p USING (psn_key)
