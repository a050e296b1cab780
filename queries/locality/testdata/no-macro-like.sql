-- A function that no list knows.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date)
-- keys: level
-- measures: amount
-- verdict: refused; tree function; plan function
SELECT psn_key, level, txid_current() AS amount
FROM bill
