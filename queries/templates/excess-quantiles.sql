-- One row per insured person: the self-pay of the window.
WITH scheme AS (
  SELECT psn_key, max(insutype) AS insutype
  FROM coverage
  GROUP BY psn_key
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
