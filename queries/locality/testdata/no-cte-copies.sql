-- Two references to one expression have keys of their own: after the outer join one is NULL where nothing matched.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree window; plan psn_key
WITH x AS (
  SELECT psn_key, level, setl_date FROM bill
)
SELECT a.psn_key, a.level, count(*) OVER (PARTITION BY b.psn_key) AS amount
FROM x AS a
LEFT JOIN x AS b ON a.psn_key = b.psn_key AND b.setl_date > a.setl_date
