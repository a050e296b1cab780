-- The dearest bill of all.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree subquery; plan join
SELECT psn_key, level, total_fen - (SELECT max(total_fen) FROM bill) AS amount
FROM bill
