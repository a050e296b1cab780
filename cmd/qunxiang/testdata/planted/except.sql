SELECT s.psn_key, p.age, s.level, s.total_fen AS amount
FROM settlement AS s
JOIN person AS p USING (psn_key)
EXCEPT SELECT s.psn_key, p.age, s.level, s.total_fen AS amount
FROM settlement AS s
JOIN person AS p USING (psn_key)
WHERE s.total_fen < 100
