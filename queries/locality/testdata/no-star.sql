-- A star takes whatever the view has.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree star; plan passes
SELECT b.psn_key, b.level, b.total_fen AS amount
FROM (SELECT * FROM bill) AS b
