-- One row per person and level without an amount, and one per type of charge.
WITH stays AS (
  SELECT psn_key, mdtrt_key, level
  FROM encounter
  WHERE list_contains($med_type, left(med_type, 2)) AND mdtrt_key <> 0
  GROUP BY psn_key, mdtrt_key, level
), lines AS (
  SELECT psn_key, mdtrt_key, coalesce(list_position(['01', '02', '03', '04', '05', '06', '07', '08', '09', '10', '11', '12', '13', '14'], chrg_type) - 1, 14) AS charge,
         CASE $amount WHEN 'total' THEN amt_fen ELSE TRY(amt_fen - inscope_fen) END AS amount
  FROM fee_line
)
SELECT psn_key, level, NULL AS charge, NULL AS amount
FROM stays
GROUP BY psn_key, level
UNION ALL
SELECT s.psn_key, s.level, l.charge, sum(greatest(l.amount, 0)) AS amount
FROM stays AS s
JOIN lines AS l ON s.psn_key = l.psn_key AND s.mdtrt_key = l.mdtrt_key
GROUP BY s.psn_key, s.level, l.charge
