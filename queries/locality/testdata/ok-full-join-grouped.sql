-- Groups of the merged key of a full join.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT psn_key, 'a' AS level, count(*) AS amount
FROM (
  SELECT psn_key, b.total_fen, s.begn
  FROM bill AS b
  FULL JOIN stay AS s USING (psn_key)
) AS x
GROUP BY psn_key
