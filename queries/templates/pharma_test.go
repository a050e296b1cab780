//go:build duckdb_arrow

package templates_test

import (
	"testing"

	"github.com/qunxiang/qunxiang/queries/enginetest"
)

// ageOf is the age on the first day of 2017, as the views give it.
const ageOf = `((2017 * 12 - (birth_ym // 100 * 12 + birth_ym % 100 - 1)) // 12)`

var pharmaOracles = []oracle{{
	id: "P3", cells: []string{"comorbid"},
	given: map[string]string{"window": "2017", "codes": "hypertension", "lookback": "100",
		"groups": "charlson-heart-failure,charlson-chronic-pulmonary,charlson-diabetes,charlson-renal"},
	exact: `SELECT CASE WHEN age < 18 THEN '0-17' WHEN age < 45 THEN '18-44' WHEN age < 60 THEN '45-59' WHEN age < 75 THEN '60-74' ELSE '75+' END, sex,
		  count(*), sum(chf), sum(cpd), sum(dm), sum(renal) FROM (
		SELECT p.psn_key, any_value(sex) AS sex, any_value(` + ageOf + `) AS age,
		  max(CASE WHEN d.dx_code LIKE 'I50%' THEN 1 ELSE 0 END) AS chf, max(CASE WHEN regexp_matches(d.dx_code, '^J4[0-7]') THEN 1 ELSE 0 END) AS cpd,
		  max(CASE WHEN d.dx_code = 'E11.9' THEN 1 ELSE 0 END) AS dm, max(CASE WHEN d.dx_code LIKE 'N18%' THEN 1 ELSE 0 END) AS renal
		FROM person p JOIN diagnosis d ON d.psn_key = p.psn_key
		WHERE d.date BETWEEN (SELECT min(x.date) FROM diagnosis x WHERE x.psn_key = p.psn_key AND x.dx_code LIKE 'I10%' AND year(x.date) = 2017) - 100 AND DATE '2017-12-31'
		  AND EXISTS (SELECT 1 FROM coverage c WHERE c.psn_key = p.psn_key AND (SELECT min(x.date) FROM diagnosis x WHERE x.psn_key = p.psn_key AND x.dx_code LIKE 'I10%' AND year(x.date) = 2017) BETWEEN c.begn AND c."end")
		GROUP BY p.psn_key) WHERE age >= 0 AND sex <> 'unknown' GROUP BY 1, 2`,
}, {
	id: "P4", cells: []string{"pdc/sum", "adherent"},
	given: map[string]string{"window": "2017", "drugs": "metformin,amlodipine", "days": "90"},
	// Day by day: what was filled from some fill on lasts beyond the day.
	exact: `WITH f AS (SELECT psn_key, CASE atc WHEN 'A10BA02' THEN 'metformin' WHEN 'C08CA01' THEN 'amlodipine' END AS drug, date AS day,
		  max(CASE WHEN days_supply BETWEEN 1 AND 366 THEN days_supply ELSE 30 END) AS s FROM fee_line WHERE year(date) = 2017 GROUP BY ALL),
		days AS (SELECT psn_key, drug, min(day) + unnest(range(90))::INTEGER AS dd FROM f WHERE drug IS NOT NULL GROUP BY psn_key, drug),
		lasts AS (SELECT d.psn_key, d.drug, d.dd, a.day + sum(b.s)::INTEGER AS until FROM days d
		  LEFT JOIN f a ON a.psn_key = d.psn_key AND a.drug = d.drug AND a.day <= d.dd LEFT JOIN f b ON b.psn_key = d.psn_key AND b.drug = d.drug AND b.day BETWEEN a.day AND d.dd
		  GROUP BY d.psn_key, d.drug, d.dd, a.day),
		had AS (SELECT psn_key, drug, dd, max(CASE WHEN until > dd THEN 1 ELSE 0 END) AS had FROM lasts GROUP BY ALL),
		people AS (SELECT h.psn_key, h.drug, sum(had) AS n FROM had h JOIN person p USING (psn_key)
		  WHERE year(dd) = 2017 AND EXISTS (SELECT 1 FROM coverage c WHERE c.psn_key = h.psn_key AND h.dd BETWEEN c.begn AND c."end")
		    AND (p.death_ym IS NULL OR year(dd) * 100 + month(dd) < p.death_ym) GROUP BY ALL HAVING count(*) = 90)
		SELECT drug, CASE WHEN age >= 80 THEN '80+' ELSE (age // 10 * 10) || '-' || (age // 10 * 10 + 9) END, count(*),
		  sum(n * 10000 // 90 - 5000)::BIGINT, count(*) FILTER (WHERE n >= 72)
		FROM (SELECT q.drug, n, ` + ageOf + ` AS age FROM people q JOIN person USING (psn_key)) WHERE age >= 0 GROUP BY 1, 2`,
}}

func TestPharmaOracles(t *testing.T) {
	for _, o := range pharmaOracles {
		t.Run(o.id, func(t *testing.T) { checkOracle(t, o) })
	}
}

// record is a diagnosis on the nth day of 2017.
func record(k enginetest.Key, day int, code string) enginetest.Row {
	return enginetest.Row{"psn_key": k, "date": enginetest.Day(day), "dx_code": code, "system": "icd10"}
}

// covered is cover from the nth to the mth day of 2017.
func covered(k enginetest.Key, from, to int) enginetest.Row {
	return enginetest.Row{"psn_key": k, "insutype": "resident", "insu_admdvs": "110101", "begn": enginetest.Day(from), "end": enginetest.Day(to)}
}

// born is a woman with a month of birth.
func born(k enginetest.Key, ym int) enginetest.Row {
	return enginetest.Row{"psn_key": k, "sex": "female", "birth_ym": int64(ym)}
}

func comorbidByHand() []handmade {
	a, b, c := enginetest.Person(1), enginetest.Person(2), enginetest.Person(3)
	given := map[string]string{"window": "2017", "codes": "hypertension", "lookback": "30", "strata": "none",
		"groups": "charlson-cerebrovascular,charlson-diabetes,charlson-diabetes-complicated,charlson-metastatic"}
	cells := []string{"comorbid"}
	return []handmade{
		{name: "nobody", id: "P3", given: given, cells: cells, world: enginetest.World{}, want: map[string][]int64{}},
		{name: "one with everything, and a code of no list", id: "P3", given: given, cells: cells, want: map[string][]int64{"": {1, 1, 1, 1, 1}},
			world: enginetest.World{"person": {born(a, 195001)}, "coverage": {covered(a, -900, 900), covered(a, 0, 9)}, "diagnosis": {
				record(a, 5, "I10"), record(a, 5, "G45.9"), record(a, 5, "E11.9"), record(a, 6, "E10.2"), record(a, 7, "C78.0"), record(a, 8, "U99"), record(a, 9, "G45.1")}}},
		{name: "edges of the lookback and of the window", id: "P3", given: given, cells: cells, want: map[string][]int64{"": {2, 1, 0, 1, 1}},
			world: enginetest.World{"person": {born(a, 195001), born(b, 196001), born(c, 0)}, "coverage": {covered(a, 0, 364), covered(b, 0, 0), covered(c, 1, 364)}, "diagnosis": {
				record(a, -1, "I10"), record(a, 20, "I10"), record(a, 300, "I10"), // the first in the window counts
				record(a, -10, "G45"), record(a, -11, "E11.9"), record(a, 364, "C79.5"), record(a, 365, "E11.9"),
				record(b, 0, "I15"), record(b, -30, "E14.7"), record(b, -31, "C80"),
				record(c, 0, "I10"), record(c, 0, "C80"), // covered from the day after
			}}},
	}
}

// fill is a dispensing on the nth day of 2017.
func fill(k enginetest.Key, day int, atc string, supply int64) enginetest.Row {
	return enginetest.Row{"psn_key": k, "date": enginetest.Day(day), "atc": atc, "ingredient": atc, "days_supply": supply, "amt_fen": int64(1000), "insu_admdvs": "110101"}
}

func adherenceByHand() []handmade {
	a, b, c, d, e := enginetest.Person(1), enginetest.Person(2), enginetest.Person(3), enginetest.Person(4), enginetest.Person(5)
	dead := born(d, 195001)
	dead["death_ym"] = int64(201704)
	given := map[string]string{"window": "2017", "drugs": "metformin", "days": "90"}
	cells := []string{"pdc/sum", "adherent"}
	return []handmade{
		{name: "nobody", id: "P4", given: given, coarse: true, cells: cells, world: enginetest.World{}, want: map[string][]int64{}},
		{name: "an early refill is carried on, the longest of a day counts, an empty supply is 30 days", id: "P4", given: given, cells: cells, want: map[string][]int64{"metformin/60-69": {2, 8888 - 5000 + 6666 - 5000, 1}},
			world: enginetest.World{"person": {born(a, 195001), born(b, 195001)}, "coverage": {covered(a, 0, 40), covered(a, 41, 200), covered(b, 0, 364)}, "fee_line": {
				fill(a, 0, "A10BA02", 30), fill(a, 10, "A10BA02", 30), fill(a, 70, "A10BA02", 14), fill(a, 70, "A10BA02", 30), fill(a, 95, "A10BA02", 90), // 60 days, then 20 of 30
				fill(b, 5, "A10BA02", 0), fill(b, 50, "A10BA02", 367), fill(b, 4, "C08CA01", 90)}}},
		{name: "edges of the window, of cover and of life", id: "P4", given: given, coarse: true, cells: cells, want: map[string][]int64{"metformin": {2, 3333 - 5000 + 5000, 1}},
			world: enginetest.World{"person": {born(a, 195001), born(b, 195001), born(c, 195001), dead, born(e, 195001)},
				"coverage": {covered(a, 275, 364), covered(b, -9, 900), covered(c, 0, 88), covered(d, 0, 900), covered(e, 1, 900)}, "fee_line": {
					fill(a, 275, "A10BA02", 366), // the last day that leaves 90
					fill(b, -1, "A10BA02", 90), fill(b, 20, "A10BA02", 30),
					fill(c, 0, "A10BA02", 90),                           // cover ends a day too early
					fill(d, 1, "A10BA02", 90), fill(e, 0, "A10BA02", 9), // dies on day 90; not covered on the first day
				}}},
	}
}

func TestPharmaByHand(t *testing.T) {
	var all []handmade
	all = append(all, comorbidByHand()...)
	all = append(all, adherenceByHand()...)
	for _, h := range all {
		t.Run(h.id+" "+h.name, func(t *testing.T) { checkHandmade(t, h) })
	}
}
