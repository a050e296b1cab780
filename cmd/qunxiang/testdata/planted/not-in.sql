SELECT s.psn_key, p.age, s.level, sum(s.total_fen) AS amount
FROM settlement AS s
JOIN person AS p USING (psn_key)
WHERE s.psn_key NOT IN (SELECT psn_key FROM person WHERE age < 18)
GROUP BY s.psn_key, p.age, s.level
