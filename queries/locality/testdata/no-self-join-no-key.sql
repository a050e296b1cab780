-- Two people on one day become a pair.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree join; plan join
SELECT a.psn_key, a.level, b.total_fen AS amount
FROM bill AS a
JOIN bill AS b ON a.setl_date = b.setl_date
