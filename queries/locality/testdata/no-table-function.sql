-- A table function in FROM.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree table_function; plan table_function
SELECT b.psn_key, b.level, r.i AS amount
FROM bill AS b
CROSS JOIN generate_series(1, 3) AS r(i)
