-- Days since the bill before.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT psn_key, level, amount
FROM (
  SELECT psn_key, level, date_diff('day', lag(setl_date) OVER (PARTITION BY psn_key ORDER BY setl_date, level), setl_date) AS amount
  FROM bill
) AS x
WHERE level <> ''
