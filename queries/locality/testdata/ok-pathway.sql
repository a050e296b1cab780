-- The order of treatments as a text: equal days are ordered by the name itself.
--
-- views: drug fee_line(mdtrt_key, date, ingredient, atc, amt_fen, days_supply)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT psn_key, string_agg(ingredient, '>' ORDER BY date, ingredient) AS level, 1 AS amount
FROM (
  SELECT DISTINCT psn_key, date, ingredient
  FROM drug
  WHERE ingredient <> 'unknown'
) AS x
GROUP BY psn_key
