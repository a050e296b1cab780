-- One row per person: the month follow-up ended, and with what.
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
), first_case AS (
  SELECT psn_key, min(date) AS start
  FROM cases
  GROUP BY psn_key
), first_outcome AS (
  SELECT psn_key, min(date) AS date
  FROM outcomes
  GROUP BY psn_key
), people AS (
  SELECT f.psn_key, f.start, o.date AS outcome, c."end" AS seen,
         TRY(make_date(p.death_ym // 100, p.death_ym % 100, 1)) AS dying
  FROM first_case AS f
  JOIN cover AS c ON c.psn_key = f.psn_key AND c.begn <= f.start - $washout AND c."end" >= f.start
  JOIN person AS p ON p.psn_key = f.psn_key
  LEFT JOIN first_outcome AS o ON o.psn_key = f.psn_key
  WHERE f.start >= $window_from AND (o.date IS NULL OR o.date > f.start)
), ended AS (
  SELECT psn_key, start, outcome, dying,
         CASE WHEN dying <= seen THEN greatest(start, least(seen, last_day(dying))) ELSE seen END AS until
  FROM people
), told AS (
  SELECT psn_key,
         CASE WHEN outcome <= until THEN 1 WHEN dying <= until THEN 2 ELSE 0 END AS event,
         date_diff('day', start, least(until, coalesce(outcome, until))) // 30 AS month
  FROM ended
)
SELECT psn_key, least(month, 36) AS month, CASE WHEN month >= 36 THEN 0 ELSE event END AS event
FROM told
