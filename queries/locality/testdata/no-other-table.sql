-- A table that is not declared.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree qualified; plan table
SELECT b.psn_key, b.level, 1 AS amount
FROM bill AS b
JOIN snapshot.main.encounter AS s ON s.psn_key = b.psn_key
