-- Bills of people who have a stay.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT b.psn_key, b.level, b.total_fen AS amount
FROM bill AS b
SEMI JOIN stay AS s USING (psn_key)
