-- One row per new user: the first three courses in order.
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
), fills AS (
  SELECT psn_key, class, date, date + CASE WHEN days_supply BETWEEN 1 AND 366 THEN days_supply ELSE 30 END AS until
  FROM fee_line
), runs AS (
  SELECT psn_key, class, date,
         max(until) OVER (PARTITION BY psn_key, class ORDER BY date, until
                          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered
  FROM fills
), courses AS (
  SELECT psn_key, class, date
  FROM runs
  WHERE covered IS NULL OR date > covered + $gap
  GROUP BY psn_key, class, date
), ordered AS (
  SELECT psn_key, class, date,
         lag(class) OVER (PARTITION BY psn_key ORDER BY date, class) AS previous
  FROM courses
), steps AS (
  SELECT psn_key, class, date, row_number() OVER (PARTITION BY psn_key ORDER BY date, class, previous NULLS FIRST) AS place
  FROM ordered
  WHERE previous IS NULL OR previous <> class
), paths AS (
  SELECT psn_key, min(date) AS start,
         max(CASE WHEN place = 1 THEN list_extract($classes, class + 1) END)
           || coalesce('>' || max(CASE WHEN place = 2 THEN list_extract($classes, class + 1) END), '')
           || coalesce('>' || max(CASE WHEN place = 3 THEN list_extract($classes, class + 1) END), '') AS path
  FROM steps
  GROUP BY psn_key
)
SELECT s.psn_key, s.path, p.age
FROM paths AS s
JOIN person AS p USING (psn_key)
JOIN cover AS c ON c.psn_key = s.psn_key AND c.begn <= s.start - $washout AND c."end" >= s.start
WHERE s.start >= $window_from
