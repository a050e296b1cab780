-- One row per insured person: days of cover, and the benefit of the year.
WITH spells AS (
  SELECT psn_key, insutype, begn, "end",
         max("end") OVER (PARTITION BY psn_key ORDER BY begn, "end", insutype
                          ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
  FROM coverage
), exposed AS (
  SELECT psn_key, sum(greatest(0, date_diff('day', greatest(begn, coalesce(before + 1, begn)), "end") + 1)) AS days
  FROM spells
  GROUP BY psn_key
), ranked AS (
  SELECT psn_key, insutype,
         row_number() OVER (PARTITION BY psn_key ORDER BY sum(date_diff('day', begn, "end")) DESC, insutype) AS place
  FROM coverage
  GROUP BY psn_key, insutype
), covered AS (
  SELECT psn_key, begn, "end"
  FROM spells
  GROUP BY psn_key, begn, "end"
), own_days AS (
  SELECT psn_key, setl_date,
         sum(CASE $base WHEN 'out_of_scope' THEN TRY(selfpay_full_fen + overlimit_fen)
                        WHEN 'in_scope' THEN TRY(psn_fen - selfpay_full_fen - overlimit_fen)
                        ELSE psn_fen END) AS amount
  FROM settlement
  GROUP BY psn_key, setl_date
), borne AS (
  SELECT o.psn_key, sum(TRY_CAST(o.amount AS BIGINT)) AS amount
  FROM own_days AS o
  SEMI JOIN covered AS c ON o.psn_key = c.psn_key AND o.setl_date BETWEEN c.begn AND c."end"
  GROUP BY o.psn_key
), paid AS (
  SELECT psn_key, least($cap, TRY(greatest(0, TRY_CAST(amount AS BIGINT) - $deductible) * (10000 - $coinsurance) // 10000)) AS benefit
  FROM borne
)
SELECT e.psn_key, p.age, r.insutype, e.days, coalesce(b.benefit, 0) AS benefit,
       CASE WHEN b.benefit > 0 THEN 1 ELSE 0 END AS claims
FROM exposed AS e
JOIN person AS p USING (psn_key)
JOIN ranked AS r ON e.psn_key = r.psn_key AND r.place = 1
LEFT JOIN paid AS b ON e.psn_key = b.psn_key
