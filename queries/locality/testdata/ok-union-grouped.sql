-- Groups over a UNION ALL.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT psn_key, level, count(*) AS amount
FROM (
  SELECT psn_key, level FROM bill
  UNION ALL
  SELECT psn_key, level FROM stay
) AS x
GROUP BY psn_key, level
