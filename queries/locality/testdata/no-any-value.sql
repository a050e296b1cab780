-- Which value comes first is not decided by the rows.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree function; plan function
SELECT psn_key, any_value(level) AS level, count(*) AS amount
FROM bill
GROUP BY psn_key
