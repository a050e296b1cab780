package dataset

// The output tables of the generator, in the national layout: SELECTs over
// s_people and over s_rows, the settlements of one range of people.

const synthPsnInfo = `SELECT 'P' || i AS psn_no, 'C' || lpad(i::VARCHAR, 17, '0') AS certno,
  'name of ' || i AS psn_name, CASE WHEN h1 % 1000 = 0 THEN NULL ELSE gend END AS gend, brdy, died AS die_date, '1' AS vali_flag, i + 1 AS _row
FROM qx_s_people`

// Most people are covered throughout; some came later, some have left, and some
// changed from residents' to employees' insurance.
const synthPsnInsu = `WITH s AS (SELECT *, draw(hash({seed}, i, 20)) AS h FROM s_range),
t AS (SELECT *, greatest(brdy, DATE '{first}' + CASE WHEN u(h, 1) < 0.06 THEN u(h, 0) * 600 ELSE u(h, 0) * -3000 END::INTEGER) AS since,
  first + (u(h, 3) * (last - first))::INTEGER AS changed FROM s)
SELECT psn_no, insutype, psn_type, insu_admdvs, stas AS psn_insu_stas, begn AS crt_insu_date, "end" AS paus_insu_date, '1' AS vali_flag, _row FROM (
  SELECT 'P' || i AS psn_no, insutype, CASE WHEN insutype = '390' THEN '21' WHEN age > 60 THEN '12' ELSE '11' END AS psn_type,
    area AS insu_admdvs, CASE WHEN died IS NULL AND u(h, 2) >= 0.05 THEN '1' ELSE '4' END AS stas,
    CASE WHEN insutype = '310' AND u(h, 2) > 0.9 THEN greatest(since, changed) ELSE since END AS begn,
    CASE WHEN died IS NOT NULL THEN greatest(died, since) WHEN u(h, 2) < 0.05 THEN greatest(since, last - (u(h, 3) * 300)::INTEGER) END AS "end", 2 * i + 1 AS _row FROM t
  UNION ALL
  SELECT 'P' || i, '390', '21', area, '4', since, changed - 1, 2 * i + 2 FROM t WHERE insutype = '310' AND u(h, 2) > 0.9 AND changed - 1 > since)`

// Institutions of every place, by level: 2 tertiary, 4 secondary, 8 primary, 6
// pharmacies.
const synthFixmedins = `SELECT 'H' || area || lvl || k AS fixmedins_code, CASE WHEN lvl = 4 THEN '2' ELSE '1' END AS fixmedins_type,
  list_extract(['03', '06', '09', '10'], lvl) AS hosp_lv, area AS fix_blng_admdvs, '1' AS vali_flag, row_number() OVER (ORDER BY area, lvl, k) AS _row
FROM (SELECT unnest({regions}) AS area) CROSS JOIN (SELECT unnest([1, 2, 3, 4]) AS lvl) CROSS JOIN (SELECT unnest(range(8)) AS k)
WHERE k < list_extract([2, 4, 8, 6], lvl)`

const synthMdtrt = `SELECT mdtrt_id, psn_no, inst AS fixmedins_code, insutype, med AS med_type,
  begn AS begntime, begn + los AS endtime, CASE WHEN med = '21' THEN los END AS ipt_days,
  CASE WHEN med = '21' THEN 'A' || lpad((1 + ho % 20)::VARCHAR, 2, '0') END AS dscg_dept_codg, CASE WHEN med = '21' THEN '1' END AS dscg_way,
  CASE WHEN med IN ('21', '28') THEN dx END AS dscg_maindiag_code, CASE WHEN refill THEN dx END AS dise_codg, area AS insu_admdvs, '1' AS vali_flag, {row} AS _row
FROM s_rows WHERE m = j
UNION ALL
SELECT mdtrt_id, psn_no, inst, insutype, med, begn, begn - 3, NULL, NULL, NULL, NULL, NULL, area, '1', {row} + 1
FROM s_rows WHERE draw(hash({seed}, i, j, 30)) % 10000 < 3`

// synthBills works out who pays what, in fen: the parts always add up to the
// whole, but for a few rows whose in-scope amount is wrong on purpose.
const synthBills = `WITH a AS (SELECT *, total * (20 + hk % 100) // 1000 AS own, CASE WHEN hk % 8 = 0 THEN total * 30 // 1000 ELSE 0 END AS over_limit,
  total * (30 + (hk >> 8) % 60) // 1000 AS first_share FROM {rows}),
b AS (SELECT *, total - own - over_limit - first_share AS in_scope, CASE WHEN med = '21' THEN list_extract([80000, 40000, 20000, 0], lvl) WHEN med = '41' THEN 0 ELSE 2000 END AS ded0,
  CASE WHEN med = '41' THEN 0 WHEN med = '21' THEN list_extract(CASE WHEN insutype = '310' THEN [850, 880, 920, 0] ELSE [600, 700, 800, 0] END, lvl)
    ELSE list_extract(CASE WHEN insutype = '310' THEN [500, 600, 700, 0] ELSE [300, 400, 500, 0] END, lvl) + CASE WHEN refill THEN 100 ELSE 0 END END AS rate FROM a),
c AS (SELECT *, least(ded0, in_scope)::BIGINT AS ded, ((in_scope - least(ded0, in_scope)) * rate // 1000)::BIGINT AS pool FROM b),
d AS (SELECT *, CASE WHEN in_scope - ded - pool > 1000000 THEN (in_scope - ded - pool - 1000000) * 55 // 100 ELSE 0 END AS serious,
  CASE WHEN insutype = '390' AND ho % 40 = 0 AND med = '21' THEN (in_scope - ded - pool) * 20 // 100 ELSE 0 END AS aid FROM c),
e AS (SELECT *, total - pool - serious - aid AS psn FROM d)
SELECT *, CASE WHEN insutype = '310' THEN psn * (hk % 70) // 100 ELSE 0 END AS acct FROM e`

const synthSetl = `SELECT setl_id || suffix AS setl_id, mdtrt_id, person AS psn_no, inst AS fixmedins_code, insutype, med AS med_type,
  area AS insu_admdvs, setl_time, '2' AS pay_loc, CASE WHEN dirt = 'empty' THEN NULL ELSE yuan(CASE WHEN dirt = 'huge' THEN 5000000000000 ELSE sign * total END) END AS medfee_sumamt, yuan(sign * (pool + serious + aid)) AS fund_pay_sumamt,
  yuan(sign * pool) AS hifp_pay, yuan(sign * serious) AS hifmi_pay, yuan(0) AS hifob_pay, yuan(sign * aid) AS maf_pay, yuan(0) AS hosp_part_amt,
  yuan(sign * borne) AS psn_part_amt, yuan(sign * acct) AS acct_pay, yuan(sign * (borne - acct)) AS psn_cash_pay,
  yuan(sign * own) AS fulamt_ownpay_amt, yuan(sign * over_limit) AS overlmt_selfpay, yuan(sign * first_share) AS preselfpay_amt,
  yuan(sign * CASE WHEN hk % 200 = 0 THEN in_scope + 100 ELSE in_scope END) AS inscp_scp_amt, yuan(sign * ded) AS act_pay_dedc, refd AS refd_setl_flag,
  CASE WHEN refd = '1' AND sign < 0 THEN setl_id || 'r' END AS init_setl_id,
  setl_time + to_seconds((30 * exp(0.9 * z(hj)))::BIGINT) AS crte_time, vali AS vali_flag, {row} + CASE WHEN dirt = '' THEN 0 WHEN sign > 0 THEN 1 ELSE 2 END AS _row
FROM (
  SELECT * RENAME (psn AS borne), psn_no AS person, '' AS suffix, 1 AS sign, '' AS dirt, '0' AS refd, '1' AS vali,
    ended::TIMESTAMP + to_seconds(28800 + (hj % 36000)::BIGINT) AS setl_time FROM ({bills})
  UNION ALL
  SELECT * EXCLUDE (dirt, sign) RENAME (psn AS borne), CASE dirt WHEN 'nobody' THEN NULL WHEN 'stranger' THEN 'X' || i ELSE psn_no END,
    CASE dirt WHEN 'copy' THEN '' WHEN 'pair' THEN 'p' WHEN 'refund' THEN 'r' ELSE dirt END || CASE WHEN sign < 0 THEN 'n' ELSE '' END,
    sign, dirt, CASE WHEN dirt = 'refund' THEN '1' ELSE '0' END, CASE WHEN dirt = 'void' THEN '0' ELSE '1' END,
    CASE WHEN dirt = 'ancient' THEN TIMESTAMP '1017-03-05 10:00:00' ELSE ended::TIMESTAMP + to_seconds(36000) END
  FROM ({dirtbills}))`

// synthDirt picks the rows that are repeated with a fault, about one in a
// hundred and fifty; pairs and refunds come twice, once negative.
const synthDirt = `SELECT * EXCLUDE (w) FROM (
  SELECT *, CASE WHEN w < 12 THEN 'void' WHEN w < 42 THEN 'refund' WHEN w < 48 THEN 'pair' WHEN w < 54 THEN 'copy' WHEN w < 56 THEN 'stranger'
    WHEN w < 58 THEN 'nobody' WHEN w < 60 THEN 'ancient' WHEN w < 62 THEN 'empty' ELSE 'huge' END AS dirt
  FROM (SELECT *, draw(hash({seed}, i, j, 31)) % 10000 AS w FROM s_rows) WHERE w < 63)
CROSS JOIN (SELECT unnest([1, -1]) AS sign) WHERE sign > 0 OR dirt IN ('refund', 'pair')`

const synthDiag = `SELECT mdtrt_id, psn_no, dx AS diag_code, '1' AS maindiag_flag, 1 AS diag_srt_no, '1' AS vali_flag, {row} AS _row
FROM s_rows WHERE m = j AND med <> '41'
UNION ALL
SELECT mdtrt_id, psn_no, list_extract({dx}, spin({dxwheel}, ho, k::INTEGER)::INTEGER), '0', k + 1, '1', {row} + k
FROM (SELECT *, unnest(range(1, 2 + (ho % 3)::BIGINT)) AS k FROM s_rows WHERE m = j AND med = '21')`

const synthOprn = `SELECT mdtrt_id, psn_no,
  CASE WHEN dx = 'O80.0' THEN '74.1' ELSE list_extract({ops}, spin({opwheel}, hm, 4)::INTEGER) END AS oprn_oprt_code, '1' AS main_oprn_flag,
  begn + least(los, 1 + (ho % 3)::INTEGER) AS oprn_oprt_date, '1' AS vali_flag, {row} AS _row
FROM s_rows WHERE m = j AND med IN ('21', '28') AND hm % 100 < 45`

const synthDrg = `SELECT mdtrt_id, psn_no, 'DRG' AS grp_scheme, '1.1' AS grp_ver,
  CASE WHEN hm % 100 < 96 THEN list_extract({groups}, spin({groupwheel}, hm, 5)::INTEGER) ELSE 'ungrouped' END AS grp_code,
  (0.3 + u(ho, 3) * 3)::DECIMAL(8,3) AS grp_wt, yuan(total * 9 // 10) AS grp_pay_amt, '1' AS vali_flag, {row} AS _row
FROM s_rows WHERE m = j AND med = '21'`

// Fee lines: their amounts are differences of a rising sequence from 0 to the
// total, so that they add up to it. Lines of a refill come with a drug and its
// days of supply, often left empty; others mix drugs and services.
const synthFee = `WITH a AS (SELECT *, unnest(range(lines)) AS k FROM s_rows),
b AS (SELECT *, draw(hash({seed}, i, j, k, 40)) AS h, CASE WHEN k = 0 THEN 0 ELSE (k + 0.4 * (u(draw(hash({seed}, i, j, k, 41)), 0) - 0.5)) / lines END AS lo,
  CASE WHEN k + 1 = lines THEN 1 ELSE (k + 1 + 0.4 * (u(draw(hash({seed}, i, j, k + 1, 41)), 0) - 0.5)) / lines END AS hi FROM a),
c AS (SELECT *, floor(total * hi)::BIGINT - floor(total * lo)::BIGINT AS amt,
  CASE WHEN refill THEN CASE k WHEN 0 THEN CASE WHEN j >= t1 AND d2 > 0 THEN d2 WHEN switched > 0 AND j > after THEN switched ELSE d1 END
      WHEN 1 THEN CASE WHEN j < t2 AND j < t1 THEN d2 ELSE 0 END WHEN 2 THEN CASE WHEN j < t2 THEN d3 ELSE 0 END ELSE 0 END
    WHEN med = '41' OR (med = '21' AND k >= 4) OR (med IN ('11', '13', '28') AND k = 0) THEN
      {acute0} + spin({acute}, h, 1) ELSE 0 END AS drug FROM b)
SELECT setl_id, mdtrt_id, psn_no,
  CASE WHEN drug > 0 THEN 'XA' || lpad(drug::VARCHAR, 5, '0') WHEN med = '21' AND k = 3 THEN 'C' || lpad((h % 200)::VARCHAR, 5, '0') ELSE 'S' || lpad((h % 400)::VARCHAR, 5, '0') END AS med_list_codg,
  CASE WHEN drug > 0 THEN '101' WHEN med = '21' AND k = 3 THEN '301' ELSE '201' END AS list_type,
  CASE WHEN drug > 46 THEN '11' WHEN drug > 0 THEN '09' WHEN med = '21' THEN list_extract(['01', '04', '06', '08', '05', '07', '14', '05'], k::INTEGER + 1)
    ELSE list_extract(['02', '03', '04', '05'], 1 + (h % 4)::INTEGER) END AS med_chrgitm_type,
  list_extract(['01', '02', '02', '03'], 1 + ((h >> 4) % 4)::INTEGER) AS chrgitm_lv, begn + CASE WHEN los > 0 THEN (h % (los + 1))::INTEGER ELSE 0 END AS fee_ocur_time,
  (1 + (h >> 8) % 6)::DECIMAL(16,4) AS cnt, (amt / (100.0 * (1 + (h >> 8) % 6)))::DECIMAL(16,6) AS pric, yuan(amt) AS det_item_fee_sumamt,
  yuan(amt * (700 + (h >> 16) % 300) // 1000) AS inscp_scp_amt,
  CASE WHEN drug > 0 AND u(h, 3) < 0.85 THEN CASE WHEN refill THEN list_extract([30, 30, 30, 28, 30, 30, 14, 60], 1 + ((h >> 20) % 8)::INTEGER) ELSE 3 + ((h >> 20) % 12)::INTEGER END END AS prd_days,
  '1' AS vali_flag, {row} + k AS _row
FROM c
UNION ALL
SELECT setl_id || CASE dirt WHEN 'refund' THEN 'r' ELSE 'z' END, 'M' || i || '-' || m, 'P' || i, 'S00001', '201', '02', '01', begn,
  1::DECIMAL(16,4), yuan(total)::DECIMAL(16,6), yuan(total), yuan(total), NULL, '1', {row} + 9
FROM s_dirt WHERE sign > 0 AND dirt IN ('refund', 'empty')`
