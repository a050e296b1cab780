-- A sub-query in FROM that selects the key of its left neighbour: its rows are another person's.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: refused; tree column; plan subquery
SELECT b.psn_key, b.level, x.day AS amount
FROM bill AS b
JOIN (
  SELECT b.psn_key, date_diff('day', DATE '2016-01-01', s.begn) AS day
  FROM stay AS s
) AS x ON x.psn_key = b.psn_key
