-- One row per new user: the month treatment stopped, or was last seen.
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
  SELECT psn_key, date,
         date + CASE WHEN days_supply BETWEEN 1 AND 366 THEN days_supply ELSE 30 END AS until
  FROM fee_line
), users AS (
  SELECT psn_key, min(date) AS start, max(until) AS last
  FROM fills
  GROUP BY psn_key
), runs AS (
  SELECT psn_key, date,
         max(until) OVER (PARTITION BY psn_key ORDER BY date, until
                          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS covered
  FROM fills
), breaks AS (
  SELECT psn_key, min(covered) AS stop
  FROM runs
  WHERE date > covered + $gap
  GROUP BY psn_key
), seen AS (
  SELECT u.psn_key, u.start, coalesce(b.stop, u.last) AS stop,
         least($window_to, c."end",
               coalesce(TRY(make_date(p.death_ym // 100, p.death_ym % 100, 1)), $window_to)) - $gap AS known
  FROM users AS u
  JOIN cover AS c USING (psn_key)
  JOIN person AS p USING (psn_key)
  LEFT JOIN breaks AS b USING (psn_key)
  WHERE u.start >= $window_from AND c.begn <= u.start - $washout AND c."end" >= u.start
), ended AS (
  -- Whether treatment went on is known up to one gap before follow-up ends.
  SELECT psn_key, CASE WHEN stop <= known THEN 1 ELSE 0 END AS stopped,
         date_diff('day', start, least(stop, known)) // 30 AS month
  FROM seen
  WHERE known >= start
)
SELECT psn_key, greatest(0, least(month, 36)) AS month,
       CASE WHEN month >= 36 THEN 0 ELSE stopped END AS stopped
FROM ended
