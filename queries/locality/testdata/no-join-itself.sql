-- Both sides of the equality are of one relation.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: refused; tree join; plan join
SELECT a.psn_key, a.level, 1 AS amount
FROM bill AS a
JOIN stay AS b ON a.psn_key = a.psn_key
