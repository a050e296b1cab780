-- CASE, texts put together, dates less months.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- parameters: window_from date
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT psn_key, concat(left(level, 1), '-', level) AS level,
       CASE WHEN setl_date >= $window_from - INTERVAL 3 MONTH THEN total_fen ELSE 0 END AS amount
FROM bill
WHERE level || 'x' LIKE '%x' AND NOT list_contains(['b', 'unknown'], level)
