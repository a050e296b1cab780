-- A group inside a window inside a join.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); person person(age, sex)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
WITH sums AS (
  SELECT psn_key, level, TRY_CAST(sum(total_fen) AS BIGINT) AS total
  FROM bill
  GROUP BY psn_key, level
), ranked AS (
  SELECT psn_key, level, total, row_number() OVER (PARTITION BY psn_key ORDER BY total DESC, level) AS place
  FROM sums
)
SELECT r.psn_key, r.level, TRY_CAST(r.total AS BIGINT) AS amount
FROM ranked AS r
JOIN person AS p USING (psn_key)
WHERE r.place <= 2 AND p.age > 17
