-- One row per grouped stay.
WITH stays AS (
  SELECT psn_key, mdtrt_key FROM encounter WHERE mdtrt_key <> 0 GROUP BY psn_key, mdtrt_key
), billed AS (
  SELECT psn_key, mdtrt_key, sum(total_fen) AS total
  FROM settlement
  GROUP BY psn_key, mdtrt_key
)
SELECT g.psn_key, g.grp, g.level, CASE $amount WHEN 'payment' THEN g.pay_fen ELSE b.total END AS cost
FROM drg_result AS g
JOIN stays AS s ON g.psn_key = s.psn_key AND g.mdtrt_key = s.mdtrt_key
LEFT JOIN billed AS b ON g.psn_key = b.psn_key AND g.mdtrt_key = b.mdtrt_key
WHERE g.scheme = $scheme AND ($amount = 'payment' OR b.total IS NOT NULL)
