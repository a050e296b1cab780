-- LATERAL looks at the left row and at everyone on the right.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: refused; tree join; plan subquery
SELECT b.psn_key, b.level, x.n AS amount
FROM bill AS b, LATERAL (SELECT count(*) AS n FROM stay AS s WHERE s.mdtrt_key = b.mdtrt_key) AS x
