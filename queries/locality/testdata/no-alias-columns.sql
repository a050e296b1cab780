-- Column names after a table alias: level is the psn_key.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree alias; plan psn_key
SELECT b.psn_key, b.level, 1 AS amount
FROM (SELECT inst_key, level, total_fen FROM bill) AS b(psn_key, level, total_fen)
