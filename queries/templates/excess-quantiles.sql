-- One row per insured person: the self-pay of the window.
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
  SELECT psn_key, sum(psn_fen) AS selfpay
  FROM settlement
  GROUP BY psn_key
)
SELECT s.psn_key, p.age, s.insutype, coalesce(d.selfpay, 0) AS selfpay
FROM scheme AS s
JOIN person AS p USING (psn_key)
LEFT JOIN paid AS d USING (psn_key)
WHERE $base = 'insured' OR d.selfpay > 0
