-- One row per row and element of a list that the client gives.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- parameters: layers integers
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT psn_key, level, least(greatest(total_fen - layer, 0), 1000000) AS amount
FROM (
  SELECT psn_key, level, total_fen, unnest($layers) AS layer
  FROM bill
) AS x
