-- One row per claim: the settlements of one encounter of one person at one level; a
-- settlement that names no encounter is a claim of its own.
SELECT c.psn_key, p.age, c.level, c.amount
FROM (
  SELECT psn_key, CASE WHEN mdtrt_key = 0 THEN setl_key ELSE mdtrt_key END AS claim, level,
         sum(CASE $amount WHEN 'fund' THEN fund_fen WHEN 'person' THEN psn_fen ELSE total_fen END) AS amount
  FROM settlement
  WHERE list_contains($med_type, left(med_type, 2))
  GROUP BY psn_key, CASE WHEN mdtrt_key = 0 THEN setl_key ELSE mdtrt_key END, level
) AS c
JOIN person AS p USING (psn_key)
