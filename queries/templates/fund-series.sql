-- One row per person, scheme and month.
SELECT psn_key, insutype, year(setl_date) * 12 + month(setl_date) - 1 AS month,
       sum(CASE $fund WHEN 'pool' THEN pool_fen WHEN 'serious' THEN serious_fen WHEN 'large' THEN large_fen
                      WHEN 'aid' THEN aid_fen ELSE fund_fen END) AS amount
FROM settlement
GROUP BY psn_key, insutype, year(setl_date) * 12 + month(setl_date) - 1
