-- One row per new user: the month treatment stopped, or was last seen.
WITH fills AS (
  SELECT psn_key, date,
         date + CASE WHEN days_supply BETWEEN 1 AND 365 THEN days_supply ELSE 30 END AS until
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
), cover AS (
  SELECT psn_key, max("end") AS until
  FROM coverage
  GROUP BY psn_key
), seen AS (
  SELECT u.psn_key, u.start, coalesce(b.stop, u.last) AS stop,
         least($window_to, coalesce(c.until, $window_to),
               coalesce(make_date(p.death_ym // 100, p.death_ym % 100, 1), $window_to)) AS follow
  FROM users AS u
  JOIN person AS p USING (psn_key)
  LEFT JOIN breaks AS b USING (psn_key)
  LEFT JOIN cover AS c USING (psn_key)
  WHERE u.start >= $window_from
), ended AS (
  SELECT psn_key,
         CASE WHEN stop + $gap <= follow THEN 1 ELSE 0 END AS stopped,
         CASE WHEN stop + $gap <= follow THEN date_diff('day', start, stop)
              ELSE date_diff('day', start, follow) END // 30 AS month
  FROM seen
)
SELECT psn_key, greatest(0, least(month, 36)) AS month,
       CASE WHEN month >= 36 THEN 0 ELSE stopped END AS stopped
FROM ended
