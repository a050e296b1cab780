-- A recursion may collect whatever it meets.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree syntax; plan recursion
WITH RECURSIVE r AS (
  SELECT psn_key, level, mdtrt_key, 1 AS n FROM bill
  UNION ALL
  SELECT r.psn_key, b.level, b.mdtrt_key, r.n + 1 AS n FROM r JOIN bill AS b ON b.mdtrt_key = r.mdtrt_key WHERE r.n < 3
)
SELECT psn_key, level, n AS amount
FROM r
