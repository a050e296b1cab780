-- DISTINCT ON keeps one person a level.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree distinct_on; plan distinct_on
SELECT DISTINCT ON (level) psn_key, level, total_fen AS amount
FROM bill
