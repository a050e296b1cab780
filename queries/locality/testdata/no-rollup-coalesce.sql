-- The group of everyone of a ROLLUP is given to a person.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree group_by; plan psn_key
SELECT coalesce(psn_key, max(psn_key)) AS psn_key, 'a' AS level, count(*) AS amount
FROM bill
GROUP BY ROLLUP (psn_key)
