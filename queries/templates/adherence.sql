-- One row per person and list: how much of the days after the first fill is covered.
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
  SELECT psn_key, drug, date_diff('day', $window_from, date) AS day,
         max(CASE WHEN days_supply BETWEEN 1 AND 366 THEN days_supply ELSE 30 END) AS supply
  FROM fee_line
  GROUP BY psn_key, drug, date_diff('day', $window_from, date)
), added AS (
  SELECT psn_key, drug, day, supply,
         min(day) OVER (PARTITION BY psn_key, drug) AS start,
         TRY_CAST(sum(supply) OVER (PARTITION BY psn_key, drug ORDER BY day) AS BIGINT) AS upto
  FROM fills
), stock AS (
  -- A fill is used from its day, or from when all before it are used up.
  SELECT psn_key, drug, start, supply,
         upto + max(day - (upto - supply)) OVER (PARTITION BY psn_key, drug ORDER BY day) AS until
  FROM added
), taken AS (
  SELECT psn_key, drug, start,
         TRY_CAST(sum(greatest(0, least(until, start + $days) - (until - supply))) AS BIGINT) AS covered
  FROM stock
  GROUP BY psn_key, drug, start
)
SELECT t.psn_key, t.drug, p.age, t.covered * 10000 // $days AS pdc,
       CASE WHEN t.covered * 10 >= $days * 8 THEN 1 ELSE 0 END AS adherent
FROM taken AS t
JOIN person AS p USING (psn_key)
JOIN cover AS c ON c.psn_key = t.psn_key
  AND t.start >= date_diff('day', $window_from, c.begn)
  AND t.start + $days - 1 <= date_diff('day', $window_from, c."end")
WHERE p.death_ym IS NULL
   OR t.start + $days - 1 < date_diff('day', $window_from, TRY(make_date(p.death_ym // 100, p.death_ym % 100, 1)))
