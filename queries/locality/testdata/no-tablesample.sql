-- A sample of a table.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree sample; plan sample
SELECT psn_key, level, total_fen AS amount
FROM bill TABLESAMPLE 50%
