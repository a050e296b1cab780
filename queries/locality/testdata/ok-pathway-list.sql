-- The same as a list, cut to its first three.
--
-- views: drug fee_line(mdtrt_key, date, ingredient, atc, amt_fen, days_supply)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT psn_key, level, amount
FROM (
  SELECT psn_key, list(ingredient ORDER BY date, ingredient) AS steps
  FROM drug
  GROUP BY psn_key
) AS x
JOIN (
  SELECT psn_key, min(ingredient) AS level, len(list(atc ORDER BY atc)) AS amount
  FROM drug
  GROUP BY psn_key
) AS y USING (psn_key)
WHERE len(x.steps) < 4 AND coalesce(x.steps[1], '') <> 'none'
