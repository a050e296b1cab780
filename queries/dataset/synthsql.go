package dataset

import (
	"fmt"
	"strings"
)

// The generator keeps no state: every value is a function of hashes of (seed,
// person, row, purpose), so that ranges of people can be made on their own and
// the same seed gives the same source whatever the number of threads. Hashes are
// hashed again: DuckDB combines several arguments by exclusive or at the end,
// so that hashes that differ in the last one only would move together.

// synthMacros: draw makes a number of 63 bits from a hash (arithmetic on UBIGINT
// would go by way of HUGEINT, many times slower), u is a number in [0, 1) from
// 15 bits of it, z roughly a standard normal, spin a slot of a wheel from 10
// bits, yuan an amount of fen as a decimal with two digits.
func synthMacros() []string {
	return []string{
		"CREATE TEMP MACRO draw(h) AS (hash(h) >> 1::UBIGINT)::BIGINT",
		"CREATE TEMP MACRO u(h, k) AS ((h >> (15 * k)) & 32767)::DOUBLE / 32768",
		"CREATE TEMP MACRO z(h) AS (u(h, 0) + u(h, 1) + u(h, 2) + u(h, 3) - 2) * 1.7320508",
		"CREATE TEMP MACRO spin(wheel, h, k) AS list_extract(wheel, 1 + ((h >> (10 * k)) & 1023)::INTEGER)",
		"CREATE TEMP MACRO yuan(f) AS (f)::DECIMAL(15,0) * 0.01::DECIMAL(3,2)",
	}
}

// fill replaces {name} in a template of SQL.
func fill(sql string, values ...string) string { return strings.NewReplacer(values...).Replace(sql) }

// peopleSQL makes the people: attributes, chronic courses and, by a running sum
// over weights, exactly the wanted number of settlements.
//
// A person has up to three courses of different drugs, half of them begun
// before or soon after the first day, the others later. Each is taken for an
// exponential time; the first may be paused once and switched to another drug.
// Chronic drugs are dispensed in courses only. first and last bound the days on which anything can happen to the person.
func peopleSQL(o SynthOptions) string {
	return fill(`CREATE TEMP TABLE qx_s_people AS
WITH a AS (SELECT i, draw(hash({seed}, i, 1)) AS h1, draw(hash({seed}, i, 2)) AS h2, draw(hash({seed}, i, 3)) AS h3, draw(hash({seed}, i, 4)) AS h4
  FROM range({people}) t(i)),
b AS (SELECT *, CASE WHEN u(h1, 0) < 0.512 THEN '1' ELSE '2' END AS gend,
  DATE '{mid}' - (((spin({pyramid}, h2, 0) - 1) * 5 + u(h1, 1) * 5) * 365.2425)::INTEGER AS brdy,
  spin({provinces}, h2, 1) AS prov, CASE WHEN u(h1, 2) < 0.5 THEN 1 WHEN u(h1, 2) < 0.8 THEN 2 ELSE 3 END AS city FROM a),
c AS (SELECT *, (DATE '{mid}' - brdy) / 365.2425 AS age, list_extract({codes}, prov::INTEGER) || '0' || city || '00' AS area FROM b),
d AS (SELECT *, CASE WHEN age BETWEEN 22 AND 62 AND u(h1, 3) < 0.38 OR age > 62 AND u(h1, 3) < 0.3 THEN '310' ELSE '390' END AS insutype,
  CASE WHEN u(h3, 0) < 0.001 * exp(greatest(age - 45, 0) / 11) * {years} THEN DATE '{first}' + (u(h3, 1) * {days})::INTEGER END AS died,
  least(0.78, 0.0002 * age * age + 0.02) AS p FROM c),
e AS (SELECT *, greatest(DATE '{first}', brdy) AS first, CASE WHEN died IS NULL THEN DATE '{last}' ELSE greatest(died, brdy) END AS last,
  CASE WHEN u(h4, 0) < p THEN spin({chronic}, h2, 2) ELSE 0 END AS d1,
  CASE WHEN u(h4, 0) < p AND u(h4, 1) < 0.45 THEN spin({chronic}, h2, 3) ELSE 0 END AS d2,
  CASE WHEN u(h4, 0) < p AND u(h4, 1) < 0.2 THEN spin({chronic}, h2, 4) ELSE 0 END AS d3,
  CASE WHEN u(h4, 2) < 0.15 THEN spin({chronic}, h2, 5) ELSE 0 END AS switched FROM d),
f AS (SELECT *, (1 + -ln(1 - u(h3, 2)) * 16)::INTEGER AS t1, (1 + -ln(1 - u(h3, 3)) * 12)::INTEGER AS t2,
  (u(h4, 3) * 20)::INTEGER AS after, 1 + ((20 + age * 0.8 + CASE WHEN d1 > 0 THEN 45 ELSE 0 END) * exp(0.55 * z(draw(hash({seed}, i, 5)))))::BIGINT AS weight FROM e),
g AS (SELECT *, sum(weight) OVER (ORDER BY i)::BIGINT AS upto, sum(weight) OVER ()::BIGINT AS whole FROM f),
k AS (SELECT *, ((upto::HUGEINT * {settlements}) // whole - ((upto - weight)::HUGEINT * {settlements}) // whole)::INTEGER AS n,
  draw(hash({seed}, i, 6)) AS h6, greatest(last, first) - first AS span, CASE WHEN h1 % 10 < 3 THEN 35 + (h1 % 90)::INTEGER ELSE 0 END AS pause FROM g),
l AS (SELECT *, first + (u(h6, 0) * span * CASE WHEN u(h6, 1) < 0.5 THEN 0.03 ELSE 0.8 END)::INTEGER AS started FROM k)
SELECT i, h1, gend, brdy, died, age, prov, city, area, insutype, first, greatest(last, first) AS last, n,
  d1, CASE WHEN d2 <> d1 THEN d2 ELSE 0 END AS d2, CASE WHEN d3 NOT IN (d1, d2) THEN d3 ELSE 0 END AS d3,
  CASE WHEN switched NOT IN (d1, d2, d3) THEN switched ELSE 0 END AS switched, t1, t2, after, pause, started,
  CASE WHEN d1 = 0 THEN 0 ELSE greatest(0, least(greatest(t1, t2), (n * 0.6)::INTEGER, (last - started - 10 - pause) // 30 + 1)) END AS refills
FROM l ORDER BY i`,
		"{seed}", fmt.Sprint(o.Seed), "{people}", fmt.Sprint(o.People), "{settlements}", fmt.Sprint(o.Settlements),
		"{pyramid}", wheel(agePyramid()), "{provinces}", wheel(provinceWeights()), "{codes}", sqlStrings(provinceCodes()),
		"{chronic}", wheel(zipf(synthChronic())), "{first}", o.first(), "{last}", o.last(), "{mid}", o.mid(),
		"{days}", fmt.Sprint(365*(o.To-o.From+1)), "{years}", fmt.Sprint(o.To-o.From+1))
}

func provinceWeights() (w []float64) {
	for _, p := range synthProvinces() {
		w = append(w, p.weight)
	}
	return w
}

func provinceCodes() (c []string) {
	for _, p := range synthProvinces() {
		c = append(c, p.code)
	}
	return c
}

// rowsSQL makes the settlements of the people in s_range: one row each, with
// what all output tables need.
//
// Row j of a person is a refill of the chronic courses if j < refills, at
// intervals of 30 days with jitter and, for some, one long gap; else a visit at
// a hashed day. m is the encounter's number: a few neighbouring rows share one
// (interim settlements). hm belongs to the encounter, hj to the settlement.
func rowsSQL(o SynthOptions) string {
	return fill(`CREATE OR REPLACE TEMP TABLE s_rows AS
WITH a AS (SELECT *, unnest(range(n)) AS j FROM s_range),
b AS (SELECT *, j < refills AS refill, CASE WHEN j >= refills AND (j - refills) % 2 = 1 AND draw(hash({seed}, i, (j - refills) // 2, 10)) % 50 = 0
  THEN j - 1 ELSE j END AS m FROM a),
c AS (SELECT *, draw(hash({seed}, i, m, 11)) AS hm, draw(hash({seed}, i, m, 12)) AS hn, draw(hash({seed}, i, j, 13)) AS hj, draw(hash({seed}, i, j, 14)) AS hk,
  draw(hash({seed}, i, m, 16)) AS ho FROM b),
d AS (SELECT *, CASE WHEN refill THEN CASE WHEN d1 < 6 THEN '1401' ELSE '1402' END
    WHEN u(hm, 0) < 0.04 + 0.0018 * least(age, 85) THEN '21' WHEN u(hm, 0) > 0.99 THEN '28' WHEN u(hm, 0) > 0.96 THEN '13'
    WHEN u(hm, 0) > 0.8 THEN '41' ELSE '11' END AS med FROM c),
e AS (SELECT *, CASE WHEN refill THEN least(last, started + 30 * j::INTEGER + (u(hm, 1) * 9)::INTEGER - 2 * (j > 0)::INTEGER
      + CASE WHEN j > after THEN pause ELSE 0 END)
    ELSE first + floor((u(hm, 1) + u(hm, 2) / 32768) * (last - first + 1))::INTEGER END AS begn,
  CASE WHEN med = '21' THEN greatest(1, least(120, exp(1.9 + 0.6 * z(hn))))::INTEGER ELSE 0 END AS wanted,
  CASE WHEN med = '41' THEN 4 WHEN med IN ('21', '28') THEN CASE WHEN u(hm, 3) < 0.45 THEN 1 WHEN u(hm, 3) < 0.85 THEN 2 ELSE 3 END
    ELSE CASE WHEN u(hm, 3) < 0.28 THEN 1 WHEN u(hm, 3) < 0.55 THEN 2 ELSE 3 END END AS lvl FROM d),
f AS (SELECT *, least(wanted, last - begn)::INTEGER AS los, CASE WHEN ho % 100 < 90 THEN area WHEN ho % 100 < 97 THEN substr(area, 1, 2) || '0100'
    ELSE list_extract({codes}, spin({provinces}, ho, 2)::INTEGER) || '0100' END AS place,
  CASE WHEN refill THEN (CASE WHEN j < t1 OR d2 = 0 THEN 1 ELSE 0 END) + (CASE WHEN d2 > 0 AND j < t2 THEN 1 ELSE 0 END)
        + (CASE WHEN d3 > 0 AND j < t2 THEN 1 ELSE 0 END) + (hj % 10 < 2)::INTEGER
    WHEN med = '21' THEN 4 + (hj % 3)::INTEGER WHEN med = '41' THEN 1 + (hj % 10 < 3)::INTEGER ELSE 1 + (hj % 10 < 7)::INTEGER + (hj % 10 < 1)::INTEGER END AS lines,
  greatest(100, exp(CASE WHEN refill THEN 9.6 WHEN med = '21' THEN 13.8 - 0.75 * (lvl - 1) WHEN med = '41' THEN 8.9 WHEN med = '28' THEN 12.2 ELSE 10.1 - 0.6 * (lvl - 1) END
    + 0.004 * least(age, 90) + CASE WHEN med = '21' THEN 0.75 ELSE 0.6 END * z(hk)))::BIGINT AS total FROM e)
SELECT i, j, m, 'S' || i || '-' || j AS setl_id, 'M' || i || '-' || m AS mdtrt_id, 'P' || i AS psn_no, hm, hj, hk, ho, gend, age, area, insutype, refill, med, begn, los, begn + CASE WHEN m < j THEN los // 2 ELSE los END AS ended,
  lvl, place, least(greatest(lines, 1), 8) AS lines, total, d1, d2, d3, switched, t1, t2, after,
  'H' || place || lvl || (CASE lvl WHEN 1 THEN hn % 2 WHEN 2 THEN hn % 4 WHEN 3 THEN hn % 8 ELSE hn % 6 END) AS inst,
  CASE WHEN refill THEN list_extract({drugdx}, (CASE WHEN j < t1 OR d2 = 0 THEN d1 ELSE d2 END)::INTEGER)
    WHEN gend = '2' AND med = '21' AND age BETWEEN 21 AND 40 AND ho % 100 < 35 THEN 'O80.0'
    ELSE list_extract({dx}, spin({dxwheel}, hm, 1)::INTEGER) END AS dx
FROM f`,
		"{seed}", fmt.Sprint(o.Seed), "{codes}", sqlStrings(provinceCodes()), "{provinces}", wheel(provinceWeights()),
		"{drugdx}", sqlStrings(drugDiagnoses()), "{dx}", sqlStrings(synthDiagnoses()), "{dxwheel}", wheel(zipf(len(synthDiagnoses()))))
}

func drugDiagnoses() (dx []string) {
	for _, d := range synthDrugs() {
		dx = append(dx, d.dx)
	}
	return dx
}
