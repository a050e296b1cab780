-- The rows before, in an order that leaves out what is summed.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree ties; plan passes
WITH spells AS (
  SELECT psn_key, level, setl_date, total_fen > 100 AS dear
  FROM bill
)
SELECT psn_key, level,
       TRY_CAST(sum(CASE WHEN dear THEN 1 ELSE 0 END)
         OVER (PARTITION BY psn_key ORDER BY setl_date, level ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING) AS BIGINT) AS amount
FROM spells
