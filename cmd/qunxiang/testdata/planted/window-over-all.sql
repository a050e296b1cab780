SELECT s.psn_key, p.age, s.level, row_number() OVER (ORDER BY s.total_fen) AS amount
FROM settlement AS s
JOIN person AS p USING (psn_key)
