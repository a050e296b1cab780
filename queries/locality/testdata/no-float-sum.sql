-- A sum of floats depends on the order of its rows.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree passes; plan float
SELECT psn_key, 'a' AS level, TRY_CAST(sum(date_part('epoch', setl_date)) AS BIGINT) AS amount
FROM bill
GROUP BY psn_key
