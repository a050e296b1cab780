-- One row per person, level and rule: rows checked, and rows that fail.
WITH covered AS (
  SELECT s.psn_key, s.setl_key, count(*) AS spells
  FROM settlement AS s
  JOIN coverage AS c ON s.psn_key = c.psn_key AND s.setl_date BETWEEN c.begn AND c."end"
  GROUP BY s.psn_key, s.setl_key
), bills AS (
  SELECT s.psn_key, s.setl_key, s.mdtrt_key, s.level, s.setl_date, s.total_fen, s.psn_fen,
         TRY(s.fund_fen + s.psn_fen + s.hosp_fen) AS payers,
         TRY(s.selfpay_full_fen + s.overlimit_fen + s.preself_fen + s.inscope_fen) AS parts,
         TRY(s.acct_fen + s.cash_fen) AS person, coalesce(c.spells, 0) AS covers
  FROM settlement AS s
  LEFT JOIN covered AS c ON s.psn_key = c.psn_key AND s.setl_key = c.setl_key
), first_bills AS (
  SELECT psn_key, level, total_fen, payers, parts, psn_fen, person, covers, mdtrt_key,
         row_number() OVER (PARTITION BY psn_key, level
                            ORDER BY setl_date, setl_key, total_fen, psn_fen, payers, parts, person, covers, mdtrt_key) AS place
  FROM bills
), bill_rules AS (
  SELECT psn_key, level, unnest(range(0, 5)) AS rule, total_fen, payers, parts, psn_fen, person, covers, mdtrt_key
  FROM first_bills
  WHERE place <= 50
), first_stays AS (
  SELECT psn_key, level, main_dx, los_d, date_diff('day', begn, "end") AS days,
         row_number() OVER (PARTITION BY psn_key, level ORDER BY begn, mdtrt_key, los_d, main_dx, "end", med_type) AS place
  FROM encounter
  WHERE left(med_type, 2) = '21'
), stay_rules AS (
  SELECT psn_key, level, unnest(range(5, 7)) AS rule, main_dx, los_d, days
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
         CASE WHEN CASE rule WHEN 0 THEN coalesce(payers = total_fen, false) WHEN 1 THEN coalesce(parts = total_fen, false)
                             WHEN 2 THEN coalesce(person = psn_fen, false) WHEN 3 THEN covers > 0 ELSE mdtrt_key <> 0 END
              THEN 0 ELSE 1 END AS failed
  FROM bill_rules
  UNION ALL
  SELECT psn_key, level, rule,
         CASE WHEN CASE rule WHEN 5 THEN main_dx <> 'unknown' ELSE los_d = days END THEN 0 ELSE 1 END AS failed
  FROM stay_rules
  UNION ALL
  SELECT psn_key, level, rule, failed
  FROM first_lines
  WHERE place <= 50
)
SELECT psn_key, level AS source, rule, count(*) AS checked, sum(failed) AS failed
FROM verdicts
GROUP BY psn_key, level, rule
