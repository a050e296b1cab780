-- One row per insured person for the days of cover, and one for each first case.
WITH spells AS (
  SELECT c.psn_key, c.begn, p.age, p.sex,
         least(c."end", coalesce(TRY(last_day(TRY(make_date(p.death_ym // 100, p.death_ym % 100, 1)))), c."end")) AS until
  FROM coverage AS c
  JOIN person AS p USING (psn_key)
), ordered AS (
  SELECT psn_key, age, sex, begn, until,
         max(until) OVER (PARTITION BY psn_key, age, sex ORDER BY begn, until
                          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
  FROM spells
  WHERE until >= begn
), insured AS (
  SELECT psn_key, age, sex,
         sum(greatest(0, date_diff('day', greatest(begn, coalesce(before + 1, begn)), until) + 1)) AS days
  FROM ordered
  GROUP BY psn_key, age, sex
), firsts AS (
  SELECT psn_key, illness, min(date) AS first
  FROM diagnosis
  GROUP BY psn_key, illness
), cases AS (
  SELECT f.psn_key, f.illness, s.age, s.sex
  FROM firsts AS f
  JOIN spells AS s ON f.psn_key = s.psn_key AND f.first BETWEEN s.begn AND s.until
  WHERE f.first >= $window_from
  GROUP BY f.psn_key, f.illness, s.age, s.sex
)
SELECT psn_key, age, sex, days, NULL AS illness, NULL AS new
FROM insured
UNION ALL
SELECT psn_key, age, sex, NULL AS days, illness, 1 AS new
FROM cases
