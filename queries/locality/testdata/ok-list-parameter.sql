-- Lists of parameters: length, elements, positions.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- parameters: layers integers; kinds texts
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT psn_key, level, TRY(len($layers) * 10 + $layers[1] + coalesce(list_position($kinds, level), 0)) AS amount
FROM bill
WHERE list_contains($kinds, level) OR len($kinds) > 1
