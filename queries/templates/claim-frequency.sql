-- One row per insured person: days of cover inside the window, and claims.
WITH spells AS (
  SELECT psn_key, begn, "end",
         max("end") OVER (PARTITION BY psn_key ORDER BY begn, "end"
                          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
  FROM coverage
), cover AS (
  SELECT psn_key,
         sum(greatest(0, date_diff('day', greatest(begn, coalesce(before + 1, begn)), "end") + 1)) AS days
  FROM spells
  GROUP BY psn_key
), claim AS (
  SELECT psn_key, count(*) AS claims
  FROM encounter
  WHERE list_contains($med_type, left(med_type, 2))
  GROUP BY psn_key
)
SELECT v.psn_key, p.age, p.sex, v.days, coalesce(c.claims, 0) AS claims
FROM cover AS v
JOIN person AS p USING (psn_key)
LEFT JOIN claim AS c USING (psn_key)
