-- The dearest bill of anybody at the same level.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree subquery; plan subquery
SELECT b.psn_key, b.level, (SELECT max(o.total_fen) FROM bill AS o WHERE o.level = b.level) AS amount
FROM bill AS b
