-- Aggregates with FILTER and DISTINCT.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- parameters: kind text
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT psn_key, 'all' AS level, count(DISTINCT setl_date) FILTER (WHERE level <> $kind) AS amount
FROM bill
GROUP BY psn_key
