-- One row per person and calendar year with a positive sum of settlements: the mean of
-- a claim, to the nearest fen, and the number of claims.
WITH bills AS (
  SELECT psn_key, year(setl_date) AS year,
         CASE $amount WHEN 'total' THEN total_fen WHEN 'fund' THEN fund_fen ELSE psn_fen END AS fen,
         CASE insutype WHEN 'employee' THEN 0 WHEN 'resident' THEN 1 WHEN 'other' THEN 2 ELSE 3 END AS scheme
  FROM settlement
  WHERE list_contains($med_type, left(med_type, 2))
), costs AS (
  SELECT psn_key, year, sum(fen) AS fen, min(scheme) AS scheme, sum(CASE WHEN fen > 0 THEN 1 ELSE 0 END) AS claims
  FROM bills
  GROUP BY psn_key, year
  HAVING sum(fen) > 0
), ill AS (
  SELECT c.psn_key, c.year, d.list
  FROM costs AS c
  JOIN diagnosis AS d USING (psn_key)
  WHERE d.date < greatest($window_from, make_date(c.year, 1, 1))
    AND d.date >= greatest($window_from, make_date(c.year, 1, 1)) - $history
  GROUP BY c.psn_key, c.year, d.list
), history AS (
  SELECT psn_key, year, sum(list_extract([1, 2, 4, 8, 16, 32, 64, 128], list + 1)) AS chronic
  FROM ill
  GROUP BY psn_key, year
)
SELECT c.psn_key, (2 * c.fen + c.claims) // (2 * c.claims) AS cost, c.claims,
       c.year - p.birth_ym // 100 AS age, p.sex, c.scheme AS insutype, coalesce(h.chronic, 0) AS chronic
FROM costs AS c
JOIN person AS p USING (psn_key)
LEFT JOIN history AS h USING (psn_key, year)
