-- GROUP BY ALL groups by what is selected, whatever that becomes.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree group_by; plan passes
SELECT psn_key, level, count(*) AS amount
FROM bill
GROUP BY ALL
