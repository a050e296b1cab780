-- A cross join with a sum over everyone.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree join; plan join
SELECT b.psn_key, b.level, b.total_fen - m.top AS amount
FROM bill AS b
CROSS JOIN (SELECT max(total_fen) AS top FROM bill) AS m
