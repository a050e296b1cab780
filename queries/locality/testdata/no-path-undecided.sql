-- Equal days leave the order of the names open.
--
-- views: drug fee_line(mdtrt_key, date, ingredient, atc, amt_fen, days_supply)
-- keys: level
-- measures: amount
-- verdict: refused; tree order; plan order
SELECT psn_key, string_agg(ingredient, '>' ORDER BY date) AS level, 1 AS amount
FROM drug
GROUP BY psn_key
