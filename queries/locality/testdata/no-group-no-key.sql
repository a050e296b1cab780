-- A group of all: its psn_key is the greatest.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree group_by; plan group_by
SELECT max(psn_key) AS psn_key, 'a' AS level, sum(total_fen) AS amount
FROM bill
