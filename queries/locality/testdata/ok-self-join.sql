-- Pairs of the rows of one person.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT a.psn_key, a.level, b.total_fen AS amount
FROM bill AS a
JOIN bill AS b ON b.psn_key = a.psn_key AND b.setl_date > a.setl_date
