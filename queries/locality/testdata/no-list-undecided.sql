-- A list in the order in which rows happen to come.
--
-- views: drug fee_line(mdtrt_key, date, ingredient, atc, amt_fen, days_supply)
-- keys: level
-- measures: amount
-- verdict: refused; tree order; plan order
SELECT psn_key, x.steps[1] AS level, 1 AS amount
FROM (
  SELECT psn_key, list(ingredient) AS steps
  FROM drug
  GROUP BY psn_key
) AS x
