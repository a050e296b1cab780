-- More conditions, beside the equality, only narrow the join; some of them make it a nested loop.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- parameters: gap integer
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT b.psn_key, b.level, b.total_fen AS amount
FROM bill AS b
JOIN stay AS s ON b.psn_key = s.psn_key AND b.setl_date > s.begn + $gap AND length(b.level || s.level) > 3
