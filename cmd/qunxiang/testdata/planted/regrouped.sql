SELECT min(s.psn_key) AS psn_key, p.age, s.level, sum(s.total_fen) AS amount
FROM settlement AS s
JOIN person AS p USING (psn_key)
GROUP BY p.age, s.level
