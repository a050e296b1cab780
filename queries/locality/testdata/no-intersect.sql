-- INTERSECT, the same.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: refused; tree union; plan union
SELECT b.psn_key, b.level, 1 AS amount
FROM bill AS b
SEMI JOIN (
  SELECT mdtrt_key FROM bill
  INTERSECT
  SELECT mdtrt_key FROM stay
) AS x ON x.mdtrt_key = b.mdtrt_key
