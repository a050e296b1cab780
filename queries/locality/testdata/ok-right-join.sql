-- As a left join, turned round.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT s.psn_key, s.level, coalesce(b.total_fen, 0) AS amount
FROM bill AS b
RIGHT JOIN stay AS s ON b.psn_key = s.psn_key AND b.setl_date >= s.begn
