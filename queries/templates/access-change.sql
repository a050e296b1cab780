-- One row per person and month with the drug.
SELECT psn_key, year(date) * 12 + month(date) - 1 AS month, 1 AS used, sum(amt_fen) AS amount
FROM fee_line
GROUP BY psn_key, year(date) * 12 + month(date) - 1
