-- Equal rows counted from both ends: which number meets which is open.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree ties; plan passes
SELECT psn_key, level,
       row_number() OVER (PARTITION BY psn_key ORDER BY level) * row_number() OVER (PARTITION BY psn_key ORDER BY level DESC) AS amount
FROM bill
