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

func TestPharmaByHand(t *testing.T) {
	var all []handmade
	all = append(all, comorbidByHand()...)
	for _, h := range all {
		t.Run(h.id+" "+h.name, func(t *testing.T) { checkHandmade(t, h) })
	}
}
