-- One row per insured person: what the person is, and the care of the window.
WITH place AS (
  SELECT psn_key, insutype, insu_admdvs
  FROM coverage
  QUALIFY row_number() OVER (PARTITION BY psn_key ORDER BY "end" DESC, begn DESC, insutype, insu_admdvs) = 1
), care AS (
  SELECT psn_key,
         count(*) AS encounters,
         count(*) FILTER (WHERE left(med_type, 2) = '21') AS stays,
         count(*) FILTER (WHERE list_contains(['11', '12', '13', '14'], left(med_type, 2))) AS visits,
         count(*) FILTER (WHERE level = 'tertiary') AS tertiary,
         count(*) FILTER (WHERE level = 'secondary') AS secondary,
         count(*) FILTER (WHERE level = 'primary') AS basic
  FROM encounter
  GROUP BY psn_key
), bills AS (
  SELECT psn_key, sum(total_fen) AS total, sum(psn_fen) AS own
  FROM settlement
  GROUP BY psn_key
), illness AS (
  SELECT psn_key, count(DISTINCT disease) AS diseases
  FROM diagnosis
  GROUP BY psn_key
), drugs AS (
  SELECT psn_key, count(DISTINCT ingredient) AS ingredients
  FROM fee_line
  WHERE ingredient <> 'unknown'
  GROUP BY psn_key
)
SELECT w.psn_key,
       CASE p.sex WHEN 'male' THEN 0 WHEN 'female' THEN 1 ELSE 2 END AS sex,
       p.age,
       CASE w.insutype WHEN 'employee' THEN 0 WHEN 'resident' THEN 1 WHEN 'other' THEN 2 ELSE 3 END AS insutype,
       list_position(['11', '12', '13', '14', '15', '21', '22', '23', '31', '32', '33', '34', '35', '36', '37', '41', '42', '43', '44',
                      '45', '46', '50', '51', '52', '53', '54', '61', '62', '63', '64', '65'], left(w.insu_admdvs, 2)) - 1 AS region,
       CASE WHEN c.encounters IS NULL THEN 0
            WHEN c.tertiary > 0 AND c.tertiary >= c.secondary AND c.tertiary >= c.basic THEN 1
            WHEN c.secondary > 0 AND c.secondary >= c.basic THEN 2
            WHEN c.basic > 0 THEN 3
            ELSE 4 END AS level,
       coalesce(c.stays, 0) AS stays,
       coalesce(c.visits, 0) AS visits,
       greatest(0, coalesce(b.total, 0)) // 100 AS cost,
       CASE WHEN b.total > 0 THEN TRY(b.own * 100 // b.total) END AS self_pay,
       coalesce(d.diseases, 0) AS chronic,
       coalesce(g.ingredients, 0) AS drugs,
       CASE WHEN p.death_ym IS NULL THEN 0 ELSE 1 END AS died
FROM place AS w
JOIN person AS p ON p.psn_key = w.psn_key
LEFT JOIN care AS c ON c.psn_key = w.psn_key
LEFT JOIN bills AS b ON b.psn_key = w.psn_key
LEFT JOIN illness AS d ON d.psn_key = w.psn_key
LEFT JOIN drugs AS g ON g.psn_key = w.psn_key
