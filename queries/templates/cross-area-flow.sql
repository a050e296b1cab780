-- One row per person, province of insurance and province of care.
WITH bills AS (
  SELECT psn_key, setl_key, mdtrt_key,
         CASE WHEN insu_admdvs = 'unknown' THEN 'unknown' ELSE left(insu_admdvs, 2) END AS insured_in,
         CASE WHEN admdvs = 'unknown' THEN 'unknown' ELSE left(admdvs, 2) END AS treated_in,
         CASE $amount WHEN 'fund' THEN fund_fen WHEN 'person' THEN psn_fen ELSE total_fen END AS amount
  FROM settlement
  WHERE list_contains($med_type, left(med_type, 2))
)
SELECT psn_key, insured_in, treated_in,
       count(DISTINCT CASE WHEN mdtrt_key = 0 THEN setl_key ELSE mdtrt_key END) AS visits, sum(amount) AS amount
FROM bills
WHERE $flow = 'all' OR insured_in <> treated_in OR insured_in = 'unknown'
GROUP BY psn_key, insured_in, treated_in
