-- One row per claim: the settlements of one encounter of one person at one level.
SELECT c.psn_key, p.age, c.level, c.amount
FROM (
  SELECT psn_key, mdtrt_key, level,
         sum(CASE $amount WHEN 'fund' THEN fund_fen WHEN 'person' THEN psn_fen ELSE total_fen END) AS amount
  FROM settlement
  WHERE list_contains($med_type, left(med_type, 2))
  GROUP BY psn_key, mdtrt_key, level
) AS c
JOIN person AS p USING (psn_key)
