-- Windows over a part of a person's rows.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT psn_key, level, lead(setl_date) OVER (PARTITION BY psn_key, level ORDER BY setl_date) - setl_date AS amount
FROM bill
