-- USING in an ASOF join is an inequality: the nearest smaller key.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: refused; tree join; plan join
SELECT b.psn_key, b.level, date_diff('day', DATE '2016-01-01', s.begn) AS amount
FROM bill AS b
ASOF JOIN stay AS s USING (psn_key)
