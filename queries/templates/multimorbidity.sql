-- One row per insured person of 60 and over: how many of the diseases.
WITH place AS (
  SELECT psn_key, insu_admdvs
  FROM coverage
  QUALIFY row_number() OVER (PARTITION BY psn_key ORDER BY "end" DESC, begn DESC, insu_admdvs) = 1
), found AS (
  SELECT psn_key, count(DISTINCT disease) AS diseases
  FROM diagnosis
  GROUP BY psn_key
)
SELECT w.psn_key, p.age,
       CASE WHEN w.insu_admdvs = 'unknown' THEN 'unknown' ELSE left(w.insu_admdvs, 2) END AS region,
       coalesce(f.diseases, 0) AS diseases,
       CASE WHEN f.diseases >= 2 THEN 1 ELSE 0 END AS multimorbid
FROM place AS w
JOIN person AS p USING (psn_key)
LEFT JOIN found AS f USING (psn_key)
WHERE p.age >= 60
