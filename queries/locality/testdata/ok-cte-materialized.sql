-- A common table expression that is held.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
WITH x AS MATERIALIZED (
  SELECT psn_key, level, count(*) AS n FROM bill GROUP BY psn_key, level
)
SELECT psn_key, level, n AS amount
FROM x
