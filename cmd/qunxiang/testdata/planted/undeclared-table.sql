SELECT e.psn_key, p.age, e.level, sum(e.los_d) AS amount
FROM encounter AS e
JOIN person AS p USING (psn_key)
GROUP BY e.psn_key, p.age, e.level
