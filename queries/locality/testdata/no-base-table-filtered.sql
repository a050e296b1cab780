-- The table below a view, behind a predicate of its own.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree qualified; plan table
SELECT psn_key, level, total_fen AS amount
FROM snapshot.main.settlement
WHERE pno BETWEEN 0 AND 1000000 AND total_fen > 0
