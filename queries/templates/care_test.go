//go:build duckdb_arrow

package templates_test

import (
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries/enginetest"
)

// binned are the conditions of A2's positions, over one row per person.
var binned = []string{
	"age IS NULL", "age BETWEEN 0 AND 17", "age BETWEEN 18 AND 44", "age BETWEEN 45 AND 59", "age BETWEEN 60 AND 74", "age > 74",
	"sex = 'male'", "sex = 'female'", "sex = 'unknown'", "scheme = 'employee'", "scheme = 'resident'", "scheme = 'other'", "scheme = 'unknown'",
	"days < 180", "days BETWEEN 180 AND 349", "days > 349",
	"visits = 0", "visits IN (1, 2)", "visits BETWEEN 3 AND 6", "visits BETWEEN 7 AND 12", "visits > 12", "stays = 0", "stays = 1", "stays = 2", "stays > 2",
	"spent = 0", "spent BETWEEN 1 AND 99999", "spent BETWEEN 100000 AND 499999", "spent BETWEEN 500000 AND 1999999", "spent > 1999999",
	"drugs = 0", "drugs IN (1, 2)", "drugs IN (3, 4, 5)", "drugs > 5", "stays = 0", "stays > 0 AND NOT nameless", "nameless",
	"lines = 0", "lines > 0 AND NOT empty", "empty",
}

var careOracles = []oracle{{
	id: "E1", cells: []string{"people_with", "multimorbid"},
	given: map[string]string{"window": "2017", "lookback": "100", "diseases": "hypertension,diabetes,heart-failure,depression,osteoarthritis"},
	exact: `WITH n AS (SELECT psn_key, (SELECT count(DISTINCT CASE WHEN dx_code = 'I10' THEN 1 WHEN dx_code LIKE 'E11%' THEN 2 WHEN dx_code LIKE 'I50%' THEN 3 WHEN dx_code LIKE 'F32%' THEN 4 WHEN dx_code LIKE 'M17%' THEN 5 END)
		    FROM diagnosis d WHERE d.psn_key = p.psn_key AND date BETWEEN DATE '2016-09-23' AND DATE '2017-12-31') AS n, ` + ageOf + ` AS age,
		  (SELECT max({'e': least("end", DATE '2017-12-31'), 'b': greatest(begn, DATE '2017-01-01'), 'p': substring(insu_admdvs, 1, 2)}) FROM coverage c WHERE c.psn_key = p.psn_key AND begn <= DATE '2017-12-31' AND "end" >= DATE '2017-01-01') AS place
		FROM person p)
		SELECT CASE WHEN age >= 90 THEN '90+' ELSE (age // 5 * 5) || '-' || (age // 5 * 5 + 4) END, place.p, count(*), ` +
		counts("n = 0", "n = 1", "n = 2", "n = 3", "n = 4", "n >= 5", "n >= 2") + ` FROM n WHERE age >= 60 AND place IS NOT NULL GROUP BY 1, 2`,
}, {
	id: "H1", cells: []string{"furthest"},
	given: map[string]string{"window": "2017..2018", "codes": "hypertension", "drugs": "antihypertensives", "days": "150", "strata": "sex"},
	exact: `WITH i AS (SELECT psn_key, min(date) AS s FROM diagnosis WHERE dx_code = 'I10' AND year(date) IN (2017, 2018) GROUP BY 1),
		k AS (SELECT i.psn_key, s FROM i JOIN (SELECT unnest(range(150))::INTEGER AS n) ON true JOIN coverage c ON c.psn_key = i.psn_key AND s + n BETWEEN c.begn AND c."end"
		  WHERE s + 149 <= DATE '2018-12-31' GROUP BY 1, 2 HAVING count(DISTINCT n) = 150),
		f AS (SELECT psn_key, date, CASE WHEN days_supply BETWEEN 1 AND 366 THEN days_supply ELSE 30 END AS n FROM fee_line WHERE regexp_matches(atc, '^C0[23789]')),
		r AS (SELECT sex, EXISTS (SELECT 1 FROM diagnosis d WHERE d.psn_key = k.psn_key AND dx_code = 'I10' AND date BETWEEN s + 1 AND s + 149) AS r1,
		  coalesce((SELECT sum(n) FROM f WHERE f.psn_key = k.psn_key AND date BETWEEN s AND s + 149), 0) AS supply,
		  (SELECT s + 150 - min(date) FROM f WHERE f.psn_key = k.psn_key AND date BETWEEN s AND s + 149) AS over,
		  NOT EXISTS (SELECT 1 FROM encounter e WHERE e.psn_key = k.psn_key AND med_type = '21' AND main_dx = 'I10' AND begn BETWEEN s + 1 AND s + 149 AND e."end" <= DATE '2018-12-31') AS r4
		  FROM k JOIN person USING (psn_key) WHERE death_ym IS NULL OR death_ym > year(s + 149) * 100 + month(s + 149)),
		n AS (SELECT sex, r1::INTEGER * (1 + (supply > 0)::INTEGER * (1 + coalesce(supply >= 0.8 * over, false)::INTEGER * (1 + r4::INTEGER))) AS n FROM r)
		SELECT sex, count(*), ` + counts("n = 0", "n = 1", "n = 2", "n = 3", "n = 4") + ` FROM n WHERE sex <> 'unknown' GROUP BY 1`,
}, {
	id: "H2", cells: []string{"readmission/sum", "readmission/rows"},
	given: map[string]string{"window": "2016..2018", "codes": "stroke,heart-failure", "days": "60"},
	exact: `SELECT 'I00-I99', level, count(DISTINCT psn_key), sum(again)::BIGINT, count(*) FROM (
		SELECT s.psn_key, level, CASE WHEN (SELECT min(begn) FROM encounter l WHERE l.psn_key = s.psn_key AND l.med_type = '21' AND l.begn > s."end" AND l."end" <= DATE '2018-12-31') - s."end" <= 60 THEN 1 ELSE 0 END AS again
		FROM encounter s WHERE med_type = '21' AND regexp_matches(main_dx, '^I(50|6[0134])') AND year(begn) >= 2016 AND s."end" + 60 <= DATE '2018-12-31'
		  AND (SELECT bool_or(s."end" + 60 BETWEEN begn AND "end") FROM coverage c WHERE c.psn_key = s.psn_key)) GROUP BY 1, 2`,
	unbound: `SELECT count(*) FROM (SELECT psn_key FROM encounter WHERE med_type = '21' AND regexp_matches(main_dx, '^I(50|6[0134])') AND begn >= DATE '2016-01-01' AND "end" <= DATE '2018-11-01' GROUP BY psn_key, level HAVING count(*) > 2)`,
}, {
	id: "A2", cells: []string{"filled"},
	given: map[string]string{"window": "2017", "codes": "hypertension"},
	exact: `WITH c AS (SELECT psn_key, count(DISTINCT d) AS days, max({'e': least("end", DATE '2017-12-31'), 'b': greatest(begn, DATE '2017-01-01'), 'p': insu_admdvs, 's': insutype}) AS latest
		  FROM coverage JOIN (SELECT DATE '2017-01-01' + unnest(range(365))::INTEGER AS d) ON d BETWEEN begn AND "end" GROUP BY 1),
		r AS (SELECT p.psn_key, sex, days, ` + ageOf + ` AS age, left(latest.p, 2) AS place, latest.s AS scheme,
		  (SELECT count(*) FROM encounter e WHERE e.psn_key = p.psn_key AND begn >= DATE '2017-01-01' AND "end" <= DATE '2017-12-31' AND med_type <> '21') AS visits,
		  (SELECT count(*) FROM encounter e WHERE e.psn_key = p.psn_key AND begn >= DATE '2017-01-01' AND "end" <= DATE '2017-12-31' AND med_type = '21') AS stays,
		  EXISTS (SELECT 1 FROM encounter e WHERE e.psn_key = p.psn_key AND begn >= DATE '2017-01-01' AND "end" <= DATE '2017-12-31' AND med_type = '21' AND main_dx = 'unknown') AS nameless,
		  coalesce((SELECT sum(total_fen) FROM settlement s WHERE s.psn_key = p.psn_key AND year(setl_date) = 2017), 0) AS spent,
		  (SELECT count(DISTINCT ingredient) FROM fee_line f WHERE f.psn_key = p.psn_key AND year(date) = 2017 AND list_type = 'drug' AND ingredient <> 'unknown') AS drugs,
		  (SELECT count(*) FROM fee_line f WHERE f.psn_key = p.psn_key AND year(date) = 2017 AND list_type = 'drug') AS lines,
		  EXISTS (SELECT 1 FROM fee_line f WHERE f.psn_key = p.psn_key AND year(date) = 2017 AND list_type = 'drug' AND days_supply = 0) AS empty
		FROM person p JOIN c USING (psn_key) WHERE EXISTS (SELECT 1 FROM diagnosis d WHERE d.psn_key = p.psn_key AND year(date) = 2017 AND dx_code = 'I10'))
		SELECT place, count(*), ` + counts(binned...) + ` FROM r GROUP BY 1`,
}}

func TestCareOracles(t *testing.T) {
	for _, o := range careOracles {
		t.Run(o.id, func(t *testing.T) { checkOracle(t, o) })
	}
}

func TestCareByHand(t *testing.T) {
	for _, h := range append(append(elderByHand(), cascadeByHand()...), readinessByHand()...) {
		t.Run(h.id+" "+h.name, func(t *testing.T) { checkHandmade(t, h) })
	}
}

func elderByHand() []handmade {
	a, b, c, d := enginetest.Person(1), enginetest.Person(2), enginetest.Person(3), enginetest.Person(4)
	given := map[string]string{"window": "2017", "lookback": "10", "diseases": "hypertension,diabetes,heart-failure,stroke,copd,gout"}
	cells := []string{"people_with", "multimorbid"}
	moved := covered(b, 100, 200)
	moved["insu_admdvs"] = "310101"
	nowhere := covered(d, 364, 400)
	nowhere["insu_admdvs"] = "unknown"
	return []handmade{
		{name: "nobody", id: "E1", given: given, cells: cells, coarse: true, world: enginetest.World{}, want: map[string][]int64{}},
		{name: "everything, nothing, a move, edges of age and lookback", id: "E1", given: given, cells: cells, want: map[string][]int64{
			"60-64/11": {1, 0, 0, 0, 0, 0, 1, 1}, "60-64/31": {1, 0, 1, 0, 0, 0, 0, 0}, "90+/unknown": {1, 1, 0, 0, 0, 0, 0, 0}},
			world: enginetest.World{"person": {born(a, 195701), born(b, 195601), born(c, 195702), born(d, 191001)},
				"coverage": {covered(a, 0, 0), covered(b, -9, 99), moved, covered(c, 0, 364), nowhere},
				"diagnosis": {record(a, -10, "I10"), record(a, 364, "E14"), record(a, 1, "E10.1"), record(a, 2, "I50.9"), record(a, 3, "I63"), record(a, 4, "J44.9"), record(a, 5, "M10.0"), record(a, 6, "U99"),
					record(b, -11, "I10"), record(b, 365, "I10"), record(b, 5, "I64"), record(b, 6, "I60.9"), record(c, 5, "I10")}}},
	}
}

func cascadeByHand() []handmade {
	var k [9]enginetest.Key
	w := enginetest.World{}
	stay := func(k enginetest.Key, from, to int, kind, dx string) enginetest.Row {
		return enginetest.Row{"psn_key": k, "mdtrt_key": int64(from + 2000), "begn": enginetest.Day(from), "end": enginetest.Day(to), "med_type": kind, "main_dx": dx, "system": "icd10", "level": "primary"}
	}
	for i := range k {
		k[i] = enginetest.Person(i)
		w["person"] = append(w["person"], born(k[i], 195001))
		w["coverage"] = append(w["coverage"], covered(k[i], -9, 40), covered(k[i], 41, 900))
		w["diagnosis"] = append(w["diagnosis"], record(k[i], 10, "I10"))
	}
	w["person"][7]["death_ym"] = int64(201703) // on day 59 in our reckoning: the last that is followed is day 59
	w["coverage"][16]["end"] = enginetest.Day(39)
	for i := 1; i < 7; i++ {
		w["diagnosis"] = append(w["diagnosis"], record(k[i], 10+i, "I11.9"))
	}
	w["diagnosis"] = append(w["diagnosis"], record(k[0], 60, "I10"))
	const drug = "C08CA01"
	w["fee_line"] = []enginetest.Row{
		fill(k[2], 10, drug, 39), fill(k[3], 20, drug, 0), fill(k[3], 25, drug, 2), fill(k[4], 59, drug, 1), fill(k[5], 10, drug, 40), fill(k[6], 10, drug, 14), fill(k[6], 40, drug, 367),
		fill(k[0], 10, drug, 50), fill(k[1], 60, drug, 50), fill(k[1], 9, drug, 50)}
	w["encounter"] = []enginetest.Row{stay(k[3], 11, 12, "21", "I10"), stay(k[4], 10, 12, "21", "I10"), stay(k[4], 60, 61, "21", "I10"), stay(k[5], 59, 70, "21", "I10"), stay(k[6], 20, 20, "11", "I10"), stay(k[6], 20, 21, "21", "I50.9")}
	given := map[string]string{"window": "2017", "codes": "hypertension", "drugs": "amlodipine", "days": "50"}
	return []handmade{
		{name: "nobody", id: "H1", given: given, cells: []string{"furthest"}, world: enginetest.World{}, want: map[string][]int64{}},
		// 0 is seen again too late, 1 treated too late, 2 lacks a day, 3 was admitted, 4 not in time, 5 on the last day, 6 for something else
		{name: "a person at every step", id: "H1", given: given, coarse: true, cells: []string{"furthest"}, want: map[string][]int64{"": {7, 1, 1, 1, 2, 2}}, world: w},
		{name: "nobody", id: "H2", given: map[string]string{"window": "2017"}, cells: []string{"readmission/sum"}, world: enginetest.World{}, want: map[string][]int64{}},
		{name: "30 days, transfers, overlaps, unknown codes, the end of cover", id: "H2", given: map[string]string{"window": "2017"}, cells: []string{"readmission/sum", "readmission/rows"},
			want: map[string][]int64{"I00-I99/primary": {1, 1, 1}, "C00-D48/primary": {1, 0, 1}, "unknown/primary": {2, 1, 2}, "D50-D89/primary": {1, 0, 1}},
			world: enginetest.World{"person": {born(k[0], 195001), born(k[1], 195001), born(k[2], 195001)}, "coverage": {covered(k[0], 0, 900), covered(k[1], -20, 140), covered(k[2], 0, 364)},
				"encounter": {stay(k[0], 0, 10, "21", "I10"), stay(k[0], 40, 50, "21", "C34.9"), stay(k[0], 50, 60, "21", "unknown"), stay(k[0], 55, 58, "11", "I10"),
					stay(k[1], 100, 110, "21", "D50.9"), stay(k[1], 141, 142, "21", "I10"),
					stay(k[2], 20, 60, "21", "U07.1"), stay(k[2], 30, 35, "11", "I10"), stay(k[2], 90, 336, "21", "I10"), stay(k[2], 337, 366, "21", "I10")}}},
	}
}

func readinessByHand() []handmade {
	a, b := enginetest.Person(1), enginetest.Person(2)
	given := map[string]string{"window": "2017"}
	bins := func(people int64, places ...int) []int64 { return at(people, 40, places...) }
	drug := fill(a, 3, "A10BA02", 0)
	drug["list_type"] = "drug"
	return []handmade{
		{name: "nobody", id: "A2", given: given, cells: []string{"filled"}, world: enginetest.World{}, want: map[string][]int64{}},
		{name: "everything missing, and a person with care", id: "A2", given: given, cells: []string{"filled"}, want: map[string][]int64{
			"unknown": bins(1, 0, 8, 12, 13, 16, 21, 25, 30, 34, 37), "11": bins(1, 4, 7, 10, 15, 17, 22, 26, 31, 36, 39)},
			world: enginetest.World{"person": {born(a, 195001), {"psn_key": b}}, "coverage": {covered(a, -5, 200), covered(a, 100, 400), {"psn_key": b, "begn": enginetest.Day(364), "end": enginetest.Day(364)}},
				"diagnosis": {record(a, 0, "U99"), record(b, 364, "I10")}, "fee_line": {drug, fill(a, 4, "B01AC06", 30)},
				"encounter": {
					{"psn_key": a, "mdtrt_key": int64(1), "begn": enginetest.Day(3), "end": enginetest.Day(9), "med_type": "21"},
					{"psn_key": a, "mdtrt_key": int64(2), "begn": enginetest.Day(3), "end": enginetest.Day(3), "med_type": "11"},
					{"psn_key": a, "mdtrt_key": int64(3), "begn": enginetest.Day(-1), "end": enginetest.Day(0), "med_type": "21"}},
				"settlement": {{"psn_key": a, "setl_key": int64(1), "setl_date": enginetest.Day(9), "total_fen": int64(99_999)}, {"psn_key": a, "setl_key": int64(2), "setl_date": enginetest.Day(365), "total_fen": int64(1)}}}},
	}
}

// A2's labels and the conditions of its oracle are as many.
func TestReadinessLabels(t *testing.T) {
	tpl, err := load(t).Find("A2")
	if err != nil {
		t.Fatal(err)
	}
	features := map[string]bool{}
	for _, v := range tpl.Measures[0].Axis.Values {
		feature, _, _ := strings.Cut(v, "=")
		features[feature] = true
	}
	if m := tpl.Measures[0]; len(m.Axis.Values) != len(binned) || len(features) != m.MaxPositions {
		t.Errorf("%d labels and %d features; want %d and %d", len(m.Axis.Values), len(features), len(binned), m.MaxPositions)
	}
}
