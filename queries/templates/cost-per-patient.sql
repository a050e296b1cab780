-- One row per new patient, period and category with a bill, and one for each period.
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
  SELECT psn_key, min(date) AS index
  FROM cases
  GROUP BY psn_key
), people AS (
  SELECT f.psn_key, f.index, p.age
  FROM first_case AS f
  JOIN person AS p USING (psn_key)
  JOIN cover AS c ON c.psn_key = f.psn_key AND c.begn <= f.index - $pre AND c."end" >= f.index + $post - 1
  WHERE f.index >= $window_from
    AND (p.death_ym IS NULL OR f.index + $post - 1 < TRY(make_date(p.death_ym // 100, p.death_ym % 100, 1)))
)
SELECT psn_key, age, unnest(['pre', 'post']) AS period, NULL::INTEGER AS category, NULL::BIGINT AS amount
FROM people
UNION ALL
SELECT s.psn_key, i.age, CASE WHEN s.setl_date < i.index THEN 'pre' ELSE 'post' END AS period,
       CASE WHEN s.med_type = '21' THEN 0 WHEN s.med_type = '28' THEN 1 WHEN s.med_type IN ('11', '12', '13') THEN 2
            WHEN left(s.med_type, 2) = '14' THEN 3 WHEN s.med_type = '41' THEN 4 ELSE 5 END AS category,
       CASE $amount WHEN 'fund' THEN s.fund_fen WHEN 'person' THEN s.psn_fen ELSE s.total_fen END AS amount
FROM settlement AS s
JOIN people AS i ON i.psn_key = s.psn_key AND s.setl_date >= i.index - $pre AND s.setl_date < i.index + $post
