-- A sum over a hospital, joined to each of its people.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree join; plan group_by
SELECT b.psn_key, b.level, m.n AS amount
FROM bill AS b
JOIN (SELECT inst_key, count(*) AS n FROM bill GROUP BY inst_key) AS m ON m.inst_key = b.inst_key
