-- One row per insured person and calendar year of cover in the window.
WITH spells AS (
  SELECT psn_key, begn, "end",
         max("end") OVER (PARTITION BY psn_key ORDER BY begn, "end"
                          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
  FROM coverage
), parts AS (
  SELECT psn_key, greatest(begn, coalesce(before + 1, begn)) AS begn, "end",
         unnest(range(year(begn), year("end") + 1)) AS year
  FROM spells
), cover AS (
  SELECT psn_key, year, min(date_diff('day', make_date(year, 1, 1), make_date(year, 12, 31)) + 1) AS whole,
         sum(greatest(0, date_diff('day', greatest(begn, make_date(year, 1, 1)), least("end", make_date(year, 12, 31))) + 1)) AS days
  FROM parts
  GROUP BY psn_key, year
), kinds AS (
  SELECT psn_key, unnest(range(year(begn), year("end") + 1)) AS year,
         CASE insutype WHEN 'employee' THEN 0 WHEN 'resident' THEN 1 WHEN 'other' THEN 2 ELSE 3 END AS scheme
  FROM coverage
), schemes AS (
  SELECT psn_key, year, min(scheme) AS scheme
  FROM kinds
  GROUP BY psn_key, year
), care AS (
  SELECT psn_key, year(begn) AS year, count(*) AS visits
  FROM encounter
  WHERE list_contains($med_type, left(med_type, 2))
  GROUP BY psn_key, year(begn)
), ill AS (
  SELECT c.psn_key, c.year, d.list
  FROM cover AS c
  JOIN diagnosis AS d USING (psn_key)
  WHERE d.date < greatest($window_from, make_date(c.year, 1, 1))
    AND d.date >= greatest($window_from, make_date(c.year, 1, 1)) - $history
  GROUP BY c.psn_key, c.year, d.list
), history AS (
  SELECT psn_key, year, sum(list_extract([1, 2, 4, 8, 16, 32, 64, 128], list + 1)) AS chronic
  FROM ill
  GROUP BY psn_key, year
)
SELECT c.psn_key, coalesce(v.visits, 0) AS visits, c.days * 1000000 // c.whole AS cover,
       c.year - p.birth_ym // 100 AS age, p.sex, s.scheme AS insutype, coalesce(h.chronic, 0) AS chronic
FROM cover AS c
JOIN person AS p USING (psn_key)
JOIN schemes AS s USING (psn_key, year)
LEFT JOIN care AS v USING (psn_key, year)
LEFT JOIN history AS h USING (psn_key, year)
