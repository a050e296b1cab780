-- Two references to one common table expression are two relations.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
WITH x AS (
  SELECT psn_key, level, setl_date, total_fen FROM bill
)
SELECT a.psn_key, a.level, coalesce(b.total_fen, 0) AS amount
FROM x AS a
LEFT JOIN x AS b ON a.psn_key = b.psn_key AND b.setl_date > a.setl_date
