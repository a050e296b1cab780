-- One row per person, ingredient, quarter and province.
SELECT psn_key, ingredient, year(date) * 4 + quarter(date) - 1 AS quarter,
       CASE WHEN insu_admdvs = 'unknown' THEN 'unknown' ELSE left(insu_admdvs, 2) END AS region,
       sum(amt_fen) AS amount
FROM fee_line
WHERE ingredient <> 'unknown'
GROUP BY psn_key, ingredient, year(date) * 4 + quarter(date) - 1,
         CASE WHEN insu_admdvs = 'unknown' THEN 'unknown' ELSE left(insu_admdvs, 2) END
