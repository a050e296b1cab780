-- A row of nobody.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree from; plan from
SELECT psn_key, level, total_fen AS amount
FROM bill
UNION ALL
SELECT 1 AS psn_key, 'a' AS level, 0 AS amount
