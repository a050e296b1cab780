-- An encounter key alone may be shared.
--
-- views: bill settlement(mdtrt_key, setl_key, inst_key, level, total_fen, setl_date); stay encounter(mdtrt_key, inst_key, begn, end, level, med_type)
-- keys: level
-- measures: amount
-- verdict: refused; tree join; plan join
SELECT b.psn_key, b.level, date_diff('day', s.begn, s."end") AS amount
FROM bill AS b
JOIN stay AS s USING (mdtrt_key)
