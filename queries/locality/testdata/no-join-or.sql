-- OR lets other people in.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: refused; tree join; plan join
SELECT b.psn_key, b.level, 1 AS amount
FROM bill AS b
JOIN stay AS s ON b.psn_key = s.psn_key OR b.mdtrt_key = s.mdtrt_key
