SELECT s.psn_key, p.age, s.level, CAST(sum(s.total_fen * 0.5) AS BIGINT) AS amount
FROM settlement AS s
JOIN person AS p USING (psn_key)
GROUP BY s.psn_key, p.age, s.level
