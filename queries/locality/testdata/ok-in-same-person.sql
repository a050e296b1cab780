-- IN over keys: found only among the rows of the same person.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- parameters: kinds texts
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT psn_key, level, total_fen AS amount
FROM bill
WHERE total_fen > 0 AND psn_key IN (SELECT psn_key FROM stay WHERE list_contains($kinds, med_type))
