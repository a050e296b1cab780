-- The second selection has an encounter key where the first has psn_key.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: refused; tree psn_key; plan psn_key
SELECT psn_key, level, total_fen AS amount
FROM bill
UNION ALL
SELECT mdtrt_key, level, 0 AS amount
FROM stay
