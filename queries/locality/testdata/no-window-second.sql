-- One of two windows goes over everyone.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree window; plan window
SELECT psn_key, level, row_number() OVER (PARTITION BY psn_key ORDER BY setl_date) * 100 + count(*) OVER (PARTITION BY level) AS amount
FROM bill
