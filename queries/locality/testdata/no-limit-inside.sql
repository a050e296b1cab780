-- LIMIT inside a sub-query, out of sight.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); person person(age, sex)
-- keys: level
-- measures: amount
-- verdict: refused; tree modifier; plan modifier
SELECT b.psn_key, b.level, b.total_fen AS amount
FROM bill AS b
JOIN (SELECT psn_key FROM person LIMIT 2) AS p USING (psn_key)
