-- One row per person and group that the person has, or one without a group.
WITH first_case AS (
  SELECT psn_key, min(date) AS index
  FROM cases
  GROUP BY psn_key
), people AS (
  SELECT f.psn_key, f.index
  FROM first_case AS f
  SEMI JOIN coverage AS c ON c.psn_key = f.psn_key AND f.index BETWEEN c.begn AND c."end"
), found AS (
  SELECT o.psn_key, o.place
  FROM others AS o
  JOIN people AS i ON i.psn_key = o.psn_key AND o.date >= i.index - $lookback
  GROUP BY o.psn_key, o.place
)
SELECT i.psn_key, p.age, p.sex, f.place, CASE WHEN f.place IS NULL THEN 0 ELSE 1 END AS has
FROM people AS i
JOIN person AS p USING (psn_key)
LEFT JOIN found AS f USING (psn_key)
