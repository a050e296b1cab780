-- One row per calendar year of a spell.
--
-- views: cover coverage(insutype, begn, end)
-- keys: level
-- measures: amount
-- verdict: accepted; tree passes; plan passes
SELECT psn_key, insutype AS level, unnest(range(year(begn), year("end") + 1)) AS amount
FROM cover
