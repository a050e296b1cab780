-- Sums by person.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT psn_key, level, sum(total_fen) AS amount
FROM bill
GROUP BY psn_key, level
HAVING count(*) > 1
