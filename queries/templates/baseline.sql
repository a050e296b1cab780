-- One row per person and covariate that the person has, and one for the person.
WITH first_case AS (
  SELECT psn_key, min(date) AS index
  FROM cases
  GROUP BY psn_key
), people AS (
  SELECT f.psn_key, f.index, min(c.insutype) AS insutype
  FROM first_case AS f
  JOIN coverage AS c ON c.psn_key = f.psn_key AND f.index BETWEEN c.begn AND c."end"
  GROUP BY f.psn_key, f.index
), traits AS (
  SELECT psn_key, index, NULL::INTEGER AS condition, NULL::INTEGER AS drug, 0 AS has
  FROM people
  UNION ALL
  SELECT o.psn_key, i.index, o.place AS condition, NULL::INTEGER AS drug, 1 AS has
  FROM others AS o
  JOIN people AS i ON i.psn_key = o.psn_key AND o.date >= i.index - $lookback AND o.date < i.index
  UNION ALL
  SELECT d.psn_key, i.index, NULL::INTEGER AS condition, d.place AS drug, 1 AS has
  FROM fee_line AS d
  JOIN people AS i ON i.psn_key = d.psn_key AND d.date >= i.index - $lookback AND d.date < i.index
), rows AS (
  SELECT psn_key, index, condition, drug, max(has) AS has
  FROM traits
  GROUP BY psn_key, index, condition, drug
)
SELECT r.psn_key, i.insutype, p.sex, p.age AS age_band, r.condition, r.drug, r.has,
       CASE WHEN r.has = 0 THEN p.age END AS age,
       CASE WHEN r.has = 0 AND p.sex = 'female' THEN 1 ELSE 0 END AS female
FROM rows AS r
JOIN people AS i USING (psn_key)
JOIN person AS p USING (psn_key)
