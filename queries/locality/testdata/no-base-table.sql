-- The table below a view: all of it, in no window.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree qualified; plan table
SELECT psn_key, level, total_fen AS amount
FROM snapshot.main.settlement
