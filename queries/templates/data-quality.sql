-- One row per person, level and rule: rows checked, and rows that fail.
WITH covered AS (
  SELECT s.psn_key, s.setl_key, count(*) AS spells
  FROM settlement AS s
  JOIN coverage AS c ON s.psn_key = c.psn_key AND s.setl_date BETWEEN c.begn AND c."end"
  GROUP BY s.psn_key, s.setl_key
), bills AS (
  -- One bit for each rule that is broken.
  SELECT s.psn_key, s.level, s.setl_date, s.setl_key,
         CASE WHEN TRY(s.fund_fen + s.psn_fen + s.hosp_fen) = s.total_fen THEN 0 ELSE 1 END
         + CASE WHEN TRY(s.selfpay_full_fen + s.overlimit_fen + s.preself_fen + s.inscope_fen) = s.total_fen THEN 0 ELSE 2 END
         + CASE WHEN TRY(s.acct_fen + s.cash_fen) = s.psn_fen THEN 0 ELSE 4 END
         + CASE WHEN c.spells > 0 THEN 0 ELSE 8 END
         + CASE WHEN s.mdtrt_key <> 0 THEN 0 ELSE 16 END AS broken
  FROM settlement AS s
  LEFT JOIN covered AS c ON s.psn_key = c.psn_key AND s.setl_key = c.setl_key
), first_bills AS (
  SELECT psn_key, level, broken,
         row_number() OVER (PARTITION BY psn_key, level ORDER BY setl_date, setl_key, broken) AS place
  FROM bills
), bill_rules AS (
  SELECT psn_key, level, unnest(range(0, 5)) AS rule, broken
  FROM first_bills
  WHERE place <= 50
), stays AS (
  SELECT psn_key, level, begn, mdtrt_key,
         CASE WHEN main_dx <> 'unknown' THEN 0 ELSE 1 END
         + CASE WHEN los_d = date_diff('day', begn, "end") THEN 0 ELSE 2 END AS broken
  FROM encounter
  WHERE left(med_type, 2) = '21'
), first_stays AS (
  SELECT psn_key, level, broken,
         row_number() OVER (PARTITION BY psn_key, level ORDER BY begn, mdtrt_key, broken) AS place
  FROM stays
), stay_rules AS (
  SELECT psn_key, level, unnest(range(5, 7)) AS rule, broken
  FROM first_stays
  WHERE place <= 50
), lines AS (
  SELECT psn_key, level, 7 AS rule, date, setl_key, item_code, amt_fen,
         CASE WHEN inscope_fen BETWEEN 0 AND amt_fen THEN 0 ELSE 1 END AS failed
  FROM fee_line
  UNION ALL
  SELECT psn_key, level, 8 AS rule, date, setl_key, item_code, amt_fen,
         CASE WHEN atc = 'unknown' THEN 1 ELSE 0 END AS failed
  FROM fee_line
  WHERE list_type = 'drug'
  UNION ALL
  SELECT psn_key, level, 9 AS rule, date, setl_key, item_code, amt_fen,
         CASE WHEN days_supply > 0 THEN 0 ELSE 1 END AS failed
  FROM fee_line
  WHERE list_type = 'drug'
), first_lines AS (
  SELECT psn_key, level, rule, failed,
         row_number() OVER (PARTITION BY psn_key, level, rule ORDER BY date, setl_key, item_code, amt_fen, failed) AS place
  FROM lines
), verdicts AS (
  SELECT psn_key, level, rule,
         CASE rule WHEN 0 THEN broken WHEN 1 THEN broken // 2 WHEN 2 THEN broken // 4 WHEN 3 THEN broken // 8 ELSE broken // 16 END % 2 AS failed
  FROM bill_rules
  UNION ALL
  SELECT psn_key, level, rule, CASE rule WHEN 5 THEN broken ELSE broken // 2 END % 2 AS failed
  FROM stay_rules
  UNION ALL
  SELECT psn_key, level, rule, failed
  FROM first_lines
  WHERE place <= 50
)
SELECT psn_key, level AS source, rule, count(*) AS checked, sum(failed) AS failed
FROM verdicts
GROUP BY psn_key, level, rule
