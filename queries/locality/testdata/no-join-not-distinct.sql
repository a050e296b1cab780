-- IS NOT DISTINCT FROM ties two NULLs: rows that outer joins filled up.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: refused; tree join; plan join
SELECT x.psn_key, x.level, 1 AS amount
FROM (SELECT b.psn_key, b.level, s.psn_key AS other FROM bill AS b LEFT JOIN stay AS s ON b.psn_key = s.psn_key) AS x
JOIN (SELECT t.psn_key AS other FROM bill AS c LEFT JOIN stay AS t ON c.psn_key = t.psn_key) AS y ON x.other IS NOT DISTINCT FROM y.other
