-- One row per insured person and layer that the amount of the year reaches, and
-- one per insured person without a layer.
WITH spells AS (
  SELECT psn_key, insutype, sum(date_diff('day', begn, "end")) AS days
  FROM coverage
  GROUP BY psn_key, insutype
), ranked AS (
  SELECT psn_key, insutype, row_number() OVER (PARTITION BY psn_key ORDER BY days DESC, insutype) AS place
  FROM spells
), scheme AS (
  SELECT psn_key, insutype FROM ranked WHERE place = 1
), paid AS (
  SELECT psn_key,
         TRY_CAST(sum(CASE $amount WHEN 'total' THEN total_fen
                                   WHEN 'out_of_scope' THEN TRY(selfpay_full_fen + overlimit_fen)
                                   ELSE psn_fen END) AS BIGINT) AS amount
  FROM settlement
  GROUP BY psn_key
), grid AS (
  SELECT psn_key, amount, unnest(range(0, 12)) AS layer
  FROM paid
), layers AS (
  SELECT psn_key, layer, amount,
         $layers_above[layer + 1] AS above, $layers_cover[layer + 1] AS cover
  FROM grid
), burnt AS (
  SELECT psn_key, layer, TRY(least(amount - above, cover) * 10000 // cover) AS used
  FROM layers
  WHERE amount > above
)
SELECT psn_key, insutype, NULL AS layer, NULL AS used, NULL AS reached
FROM scheme
UNION ALL
SELECT s.psn_key, s.insutype, b.layer, b.used, 1 AS reached
FROM scheme AS s
JOIN burnt AS b USING (psn_key)
