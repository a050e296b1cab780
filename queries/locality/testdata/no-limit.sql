-- LIMIT keeps whoever comes first.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree modifier; plan modifier
SELECT psn_key, level, total_fen AS amount
FROM bill
ORDER BY total_fen DESC, psn_key
LIMIT 3
