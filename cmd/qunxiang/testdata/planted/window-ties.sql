WITH bills AS (
  SELECT psn_key, level, total_fen, lag(total_fen) OVER (PARTITION BY psn_key ORDER BY level) AS before
  FROM settlement
)
SELECT b.psn_key, p.age, b.level, coalesce(b.total_fen - b.before, 0) AS amount
FROM bills AS b
JOIN person AS p USING (psn_key)
