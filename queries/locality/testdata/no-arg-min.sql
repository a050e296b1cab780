-- The bill of the first day, whichever of that day it is.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree function; plan function
SELECT psn_key, 'a' AS level, arg_min(total_fen, setl_date) AS amount
FROM bill
GROUP BY psn_key
