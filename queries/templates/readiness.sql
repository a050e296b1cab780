-- One row per person and feature: the bin on the axis.
WITH spells AS (
  SELECT psn_key, begn, "end",
         max("end") OVER (PARTITION BY psn_key ORDER BY begn, "end"
                          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
  FROM coverage
), cover AS (
  SELECT psn_key, sum(greatest(0, date_diff('day', greatest(begn, coalesce(before + 1, begn)), "end") + 1)) AS days
  FROM spells
  GROUP BY psn_key
), place AS (
  SELECT psn_key, insu_admdvs, insutype
  FROM coverage
  QUALIFY row_number() OVER (PARTITION BY psn_key ORDER BY "end" DESC, begn DESC, insu_admdvs, insutype) = 1
), cohort AS (
  SELECT psn_key, count(*) AS records
  FROM cases
  GROUP BY psn_key
), care AS (
  SELECT psn_key, count(*) FILTER (WHERE med_type <> '21') AS visits, count(*) FILTER (WHERE med_type = '21') AS stays,
         count(*) FILTER (WHERE med_type = '21' AND main_dx = 'unknown') AS unnamed
  FROM encounter
  GROUP BY psn_key
), bills AS (
  SELECT psn_key, TRY_CAST(sum(total_fen) AS BIGINT) AS spent
  FROM settlement
  GROUP BY psn_key
), drugs AS (
  SELECT psn_key, count(DISTINCT ingredient) FILTER (WHERE ingredient <> 'unknown') AS ingredients,
         count(*) FILTER (WHERE days_supply = 0) AS unsupplied
  FROM fee_line
  WHERE list_type = 'drug'
  GROUP BY psn_key
)
SELECT w.psn_key,
       CASE WHEN w.insu_admdvs = 'unknown' THEN 'unknown' ELSE left(w.insu_admdvs, 2) END AS region,
       1 AS one,
       unnest([
         CASE WHEN p.age IS NULL THEN 0 WHEN p.age < 18 THEN 1 WHEN p.age < 45 THEN 2 WHEN p.age < 60 THEN 3 WHEN p.age < 75 THEN 4 ELSE 5 END,
         CASE p.sex WHEN 'male' THEN 6 WHEN 'female' THEN 7 ELSE 8 END,
         CASE w.insutype WHEN 'employee' THEN 9 WHEN 'resident' THEN 10 WHEN 'other' THEN 11 ELSE 12 END,
         CASE WHEN c.days < 180 THEN 13 WHEN c.days < 350 THEN 14 ELSE 15 END,
         CASE WHEN e.visits >= 13 THEN 20 WHEN e.visits >= 7 THEN 19 WHEN e.visits >= 3 THEN 18 WHEN e.visits >= 1 THEN 17 ELSE 16 END,
         21 + least(3, coalesce(e.stays, 0)),
         CASE WHEN b.spent >= 2000000 THEN 29 WHEN b.spent >= 500000 THEN 28 WHEN b.spent >= 100000 THEN 27 WHEN b.spent > 0 THEN 26 ELSE 25 END,
         CASE WHEN d.ingredients >= 6 THEN 33 WHEN d.ingredients >= 3 THEN 32 WHEN d.ingredients >= 1 THEN 31 ELSE 30 END,
         CASE WHEN e.unnamed > 0 THEN 36 WHEN e.stays > 0 THEN 35 ELSE 34 END,
         CASE WHEN d.unsupplied > 0 THEN 39 WHEN d.unsupplied = 0 THEN 38 ELSE 37 END
       ]) AS bin
FROM place AS w
JOIN cohort AS o ON o.psn_key = w.psn_key
JOIN person AS p ON p.psn_key = w.psn_key
JOIN cover AS c ON c.psn_key = w.psn_key
LEFT JOIN care AS e ON e.psn_key = w.psn_key
LEFT JOIN bills AS b ON b.psn_key = w.psn_key
LEFT JOIN drugs AS d ON d.psn_key = w.psn_key
