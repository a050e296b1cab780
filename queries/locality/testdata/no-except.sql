-- EXCEPT compares anybody's rows once psn_key is left out.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: refused; tree union; plan union
SELECT b.psn_key, b.level, 1 AS amount
FROM bill AS b
JOIN (
  SELECT mdtrt_key FROM bill
  EXCEPT
  SELECT mdtrt_key FROM stay
) AS x ON x.mdtrt_key = b.mdtrt_key
