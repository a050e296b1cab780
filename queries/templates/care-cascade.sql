-- One row per person: the furthest step.
WITH spells AS (
  SELECT psn_key, begn, "end",
         max("end") OVER (PARTITION BY psn_key ORDER BY begn, "end"
                          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
  FROM coverage
), numbered AS (
  SELECT psn_key, begn, "end",
         sum(CASE WHEN before IS NULL OR begn > before + 1 THEN 1 ELSE 0 END)
           OVER (PARTITION BY psn_key ORDER BY begn, "end", before NULLS FIRST
                 ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS island
  FROM spells
), cover AS (
  SELECT psn_key, min(begn) AS begn, max("end") AS "end"
  FROM numbered
  GROUP BY psn_key, island
), first_record AS (
  SELECT psn_key, min(date) AS start
  FROM diagnosis
  GROUP BY psn_key
), people AS (
  SELECT f.psn_key, f.start, p.age, p.sex
  FROM first_record AS f
  JOIN person AS p USING (psn_key)
  JOIN cover AS c ON c.psn_key = f.psn_key AND c.begn <= f.start AND c."end" >= f.start + $days - 1
  WHERE p.death_ym IS NULL OR f.start + $days - 1 < TRY(make_date(p.death_ym // 100, p.death_ym % 100, 1))
), again AS (
  SELECT i.psn_key
  FROM people AS i
  JOIN diagnosis AS d ON d.psn_key = i.psn_key AND d.date > i.start AND d.date < i.start + $days
  GROUP BY i.psn_key
), treated AS (
  SELECT i.psn_key, i.start, min(f.date) AS first,
         TRY_CAST(sum(CASE WHEN f.days_supply BETWEEN 1 AND 366 THEN f.days_supply ELSE 30 END) AS BIGINT) AS supply
  FROM people AS i
  JOIN fee_line AS f ON f.psn_key = i.psn_key AND f.date >= i.start AND f.date < i.start + $days
  GROUP BY i.psn_key, i.start
), admitted AS (
  SELECT i.psn_key
  FROM people AS i
  JOIN encounter AS e ON e.psn_key = i.psn_key AND e.begn > i.start AND e.begn < i.start + $days
  WHERE e.med_type = '21'
  GROUP BY i.psn_key
)
SELECT i.psn_key, i.age, i.sex,
       CASE WHEN a.psn_key IS NULL THEN 0
            WHEN t.psn_key IS NULL THEN 1
            WHEN t.supply * 10 < date_diff('day', t.first, t.start + $days) * 8 THEN 2
            WHEN h.psn_key IS NOT NULL THEN 3
            ELSE 4 END AS step
FROM people AS i
LEFT JOIN again AS a ON a.psn_key = i.psn_key
LEFT JOIN treated AS t ON t.psn_key = i.psn_key
LEFT JOIN admitted AS h ON h.psn_key = i.psn_key
