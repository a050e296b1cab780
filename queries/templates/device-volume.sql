-- One row per person, class of operation, quarter and level.
WITH operated AS (
  SELECT psn_key, mdtrt_key, item, count(*) AS operations
  FROM "procedure"
  WHERE mdtrt_key <> 0
  GROUP BY psn_key, mdtrt_key, item
), visits AS (
  SELECT psn_key, mdtrt_key, level, min(begn) AS begn
  FROM encounter
  GROUP BY psn_key, mdtrt_key, level
), materials AS (
  SELECT psn_key, mdtrt_key, sum(qty_milli) AS quantity, sum(amt_fen) AS amount
  FROM fee_line
  WHERE list_type = 'material'
  GROUP BY psn_key, mdtrt_key
)
SELECT o.psn_key, o.item, year(v.begn) * 4 + quarter(v.begn) - 1 AS quarter, v.level,
       sum(o.operations) AS operations,
       (sum(TRY_CAST(coalesce(m.quantity, 0) AS BIGINT)) + 500) // 1000 AS quantity, sum(TRY_CAST(coalesce(m.amount, 0) AS BIGINT)) AS amount
FROM operated AS o
JOIN visits AS v ON o.psn_key = v.psn_key AND o.mdtrt_key = v.mdtrt_key
LEFT JOIN materials AS m ON o.psn_key = m.psn_key AND o.mdtrt_key = m.mdtrt_key
GROUP BY o.psn_key, o.item, year(v.begn) * 4 + quarter(v.begn) - 1, v.level
