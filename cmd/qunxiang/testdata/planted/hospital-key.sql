SELECT s.psn_key, p.age, TRY_CAST(s.inst_key AS VARCHAR) AS level, sum(s.total_fen) AS amount
FROM settlement AS s
JOIN person AS p USING (psn_key)
GROUP BY s.psn_key, p.age, s.inst_key
