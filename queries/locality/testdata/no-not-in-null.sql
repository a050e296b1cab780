-- NOT IN is never true once somebody without a stay puts a NULL among the keys.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: refused; tree subquery; plan subquery
SELECT psn_key, level, total_fen AS amount
FROM bill
WHERE psn_key NOT IN (SELECT s.psn_key FROM bill AS b LEFT JOIN stay AS s ON s.psn_key = b.psn_key)
