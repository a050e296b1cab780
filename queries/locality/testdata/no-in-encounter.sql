-- IN over encounter keys meets anybody's.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: refused; tree subquery; plan join
SELECT psn_key, level, total_fen AS amount
FROM bill
WHERE mdtrt_key IN (SELECT mdtrt_key FROM stay)
