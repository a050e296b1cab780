-- One row per insured person and calendar year: days at risk, new case, case.
WITH spells AS (
  SELECT psn_key, begn, "end",
         max("end") OVER (PARTITION BY psn_key ORDER BY begn, "end"
                          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
  FROM coverage
), parts AS (
  SELECT psn_key, greatest(begn, coalesce(before + 1, begn)) AS begn, "end",
         unnest(range(year(begn), year("end") + 1)) AS year
  FROM spells
), first_case AS (
  SELECT psn_key, min(date) AS first
  FROM diagnosis
  GROUP BY psn_key
), cases AS (
  SELECT psn_key, year(date) AS year
  FROM diagnosis
  WHERE date >= $window_from
  GROUP BY psn_key, year(date)
), at_risk AS (
  SELECT s.psn_key, s.year, min(f.first) AS first,
         sum(greatest(0, date_diff('day', greatest(s.begn, make_date(s.year, 1, 1)),
                                   least(s."end", make_date(s.year, 12, 31), coalesce(f.first, s."end"))) + 1)) AS days
  FROM parts AS s
  LEFT JOIN first_case AS f USING (psn_key)
  GROUP BY s.psn_key, s.year
)
SELECT r.psn_key, p.age, p.sex, r.year, r.days,
       CASE WHEN r.first >= $window_from AND year(r.first) = r.year THEN 1 ELSE 0 END AS incident,
       CASE WHEN c.year IS NULL THEN 0 ELSE 1 END AS prevalent
FROM at_risk AS r
JOIN person AS p USING (psn_key)
LEFT JOIN cases AS c USING (psn_key, year)
