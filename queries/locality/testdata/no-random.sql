-- A value that is not decided by the rows.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree function; plan function
SELECT psn_key, level, TRY_CAST(floor(random() * 100) AS BIGINT) AS amount
FROM bill
