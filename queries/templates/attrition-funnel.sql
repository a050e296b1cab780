-- One row per insured person: the furthest step reached, none where not even the first.
WITH people AS (
  SELECT c.psn_key, p.age
  FROM coverage AS c
  JOIN person AS p USING (psn_key)
  GROUP BY c.psn_key, p.age
), s0 AS (
  SELECT psn_key, min(date) AS day FROM diagnosis WHERE step = 0 GROUP BY psn_key
), s1 AS (
  SELECT d.psn_key, min(d.date) AS day FROM diagnosis AS d JOIN s0 AS b ON d.psn_key = b.psn_key
  WHERE d.step = 1 AND ($sequence = 'any' OR d.date >= b.day) GROUP BY d.psn_key
), s2 AS (
  SELECT d.psn_key, min(d.date) AS day FROM diagnosis AS d JOIN s1 AS b ON d.psn_key = b.psn_key
  WHERE d.step = 2 AND ($sequence = 'any' OR d.date >= b.day) GROUP BY d.psn_key
), s3 AS (
  SELECT d.psn_key, min(d.date) AS day FROM diagnosis AS d JOIN s2 AS b ON d.psn_key = b.psn_key
  WHERE d.step = 3 AND ($sequence = 'any' OR d.date >= b.day) GROUP BY d.psn_key
), s4 AS (
  SELECT d.psn_key, min(d.date) AS day FROM diagnosis AS d JOIN s3 AS b ON d.psn_key = b.psn_key
  WHERE d.step = 4 AND ($sequence = 'any' OR d.date >= b.day) GROUP BY d.psn_key
), s5 AS (
  SELECT d.psn_key, min(d.date) AS day FROM diagnosis AS d JOIN s4 AS b ON d.psn_key = b.psn_key
  WHERE d.step = 5 AND ($sequence = 'any' OR d.date >= b.day) GROUP BY d.psn_key
), s6 AS (
  SELECT d.psn_key, min(d.date) AS day FROM diagnosis AS d JOIN s5 AS b ON d.psn_key = b.psn_key
  WHERE d.step = 6 AND ($sequence = 'any' OR d.date >= b.day) GROUP BY d.psn_key
), s7 AS (
  SELECT d.psn_key, min(d.date) AS day FROM diagnosis AS d JOIN s6 AS b ON d.psn_key = b.psn_key
  WHERE d.step = 7 AND ($sequence = 'any' OR d.date >= b.day) GROUP BY d.psn_key
), reached AS (
  SELECT psn_key, 0 AS step FROM s0
  UNION ALL SELECT psn_key, 1 AS step FROM s1
  UNION ALL SELECT psn_key, 2 AS step FROM s2
  UNION ALL SELECT psn_key, 3 AS step FROM s3
  UNION ALL SELECT psn_key, 4 AS step FROM s4
  UNION ALL SELECT psn_key, 5 AS step FROM s5
  UNION ALL SELECT psn_key, 6 AS step FROM s6
  UNION ALL SELECT psn_key, 7 AS step FROM s7
)
SELECT p.psn_key, p.age, max(r.step) AS step
FROM people AS p
LEFT JOIN reached AS r ON p.psn_key = r.psn_key
GROUP BY p.psn_key, p.age
