-- A NATURAL join ties by whatever names agree.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: refused; tree join; plan join
SELECT psn_key, level, 1 AS amount
FROM (SELECT psn_key, level FROM bill) AS a
NATURAL JOIN (SELECT level, med_type FROM stay) AS b
