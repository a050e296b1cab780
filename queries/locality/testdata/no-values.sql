-- Rows of nobody.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree syntax; plan plan
SELECT psn_key, level, amount
FROM (VALUES (1, 'a', 2)) AS v(psn_key, level, amount)
