//go:build duckdb_arrow

package templates_test

import (
	"fmt"
	"testing"

	"github.com/qunxiang/qunxiang/queries/enginetest"
)

func TestCriticalIllnessOracle(t *testing.T) {
	const exact = `WITH cov AS (SELECT psn_key, greatest(begn, DATE '2017-01-01') AS b, least("end", DATE '2017-12-31',
	    CASE WHEN death_ym // 100 = 2017 THEN make_date(2017, death_ym %% 100, 1) + INTERVAL 1 MONTH - INTERVAL 1 DAY END) AS e
	  FROM coverage JOIN person USING (psn_key) WHERE begn <= DATE '2017-12-31' AND "end" >= DATE '2017-01-01' AND %s),
	days AS (SELECT psn_key, count(DISTINCT d) AS n FROM (SELECT psn_key, unnest(generate_series(b, e, INTERVAL 1 DAY)) AS d FROM cov) GROUP BY 1),
	dx AS (SELECT psn_key, CASE WHEN dx_code SIMILAR TO 'C.*' AND left(dx_code, 3) NOT IN ('C44', 'C73') THEN 1
	    WHEN left(dx_code, 3) IN ('I21', 'I22') THEN 2 WHEN left(dx_code, 3) IN ('I60', 'I61', 'I63', 'I64', 'I69') THEN 3 END AS i, date AS d
	  FROM diagnosis WHERE system = 'icd10' AND date <= DATE '2017-12-31'),
	first AS (SELECT psn_key, i, min(d) AS d FROM dx WHERE i IS NOT NULL AND d >= DATE '2017-01-01' - 100 GROUP BY 1, 2),
	new AS (SELECT DISTINCT psn_key, i FROM first JOIN cov USING (psn_key) WHERE year(d) = 2017 AND d BETWEEN b AND e),
	p AS (SELECT psn_key, sex, greatest(0, (2017 * 12 - (birth_ym // 100 * 12 + birth_ym %% 100 - 1)) // 12) AS age FROM person WHERE sex <> 'unknown' AND birth_ym IS NOT NULL),
	one AS (SELECT psn_key, sex, age, n, count(*) FILTER (i = 1) AS x1, count(*) FILTER (i = 2) AS x2, count(*) FILTER (i = 3) AS x3
	  FROM days JOIN p USING (psn_key) LEFT JOIN new USING (psn_key) GROUP BY ALL)
	SELECT %s, sex, count(*), sum(x1)::BIGINT, sum(x2)::BIGINT, sum(x3)::BIGINT, sum(n)::BIGINT FROM one GROUP BY 1, 2`
	given := map[string]string{"window": "2017", "washout": "100", "illnesses": "critical-cancer,critical-heart-attack,critical-stroke"}
	narrow := map[string]string{"region": "32,37,44", "insutype": "resident,other"}
	for k, v := range given {
		narrow[k] = v
	}
	for _, o := range []oracle{{
		id: "I7", given: given, cells: []string{"first_cases", "person_days"},
		exact: fmt.Sprintf(exact, "true", "CASE WHEN age >= 90 THEN '90+' ELSE (age // 5 * 5) || '-' || (age // 5 * 5 + 4) END"),
	}, {
		id: "I7", coarse: true, given: narrow, cells: []string{"first_cases", "person_days"},
		exact: fmt.Sprintf(exact, "left(insu_admdvs, 2) IN ('32', '37', '44') AND insutype <> 'employee' AND insutype <> 'unknown'",
			"CASE WHEN age >= 75 THEN '75+' ELSE (age // 15 * 15) || '-' || (age // 15 * 15 + 14) END"),
	}} {
		t.Run(o.id, func(t *testing.T) { checkOracle(t, o) })
	}
}

func TestCriticalIllnessByHand(t *testing.T) {
	a, b := enginetest.Person(1), enginetest.Person(2)
	ill := func(k enginetest.Key, day int, code string) enginetest.Row {
		return enginetest.Row{"psn_key": k, "date": enginetest.Day(day), "dx_code": code, "system": "icd10"}
	}
	given := map[string]string{"window": "2017", "illnesses": "critical-cancer,critical-stroke,critical-limbs"}
	cells := []string{"first_cases", "person_days"}
	for _, h := range []handmade{{
		name: "nobody", id: "I7", given: given, cells: cells, want: map[string][]int64{},
	}, {
		name: "one person with everything, twice", id: "I7", given: given, cells: cells,
		world: enginetest.World{
			"person":   {{"psn_key": a, "sex": "female", "birth_ym": int64(195701)}},
			"coverage": {insured(a, -500, 900, "resident"), insured(a, 3, 20, "employee")},
			"diagnosis": {
				ill(a, 0, "C34.9"), ill(a, 5, "C16"), ill(a, 364, "I63.9"), ill(a, 365, "I63.9"), ill(a, 9, "T05.5"), ill(a, 9, "Z89.7"),
				ill(a, 9, "C44.1"), {"psn_key": a, "date": enginetest.Day(2), "dx_code": "Z89.7", "system": "snomed"},
			},
		},
		want: map[string][]int64{"60-64/female": {1, 1, 1, 1, 365}},
	}, {
		name: "washout, cover, death", id: "I7", given: given, cells: cells,
		world: enginetest.World{
			"person":   {{"psn_key": a, "sex": "male", "birth_ym": int64(195702), "death_ym": int64(201702)}, {"psn_key": b, "sex": "male", "birth_ym": int64(195702)}},
			"coverage": {insured(a, -500, 900, "resident"), insured(b, 10, 19, "resident"), insured(b, 15, 29, "employee")},
			"diagnosis": {
				ill(a, -365, "C34.9"), ill(a, 5, "C16"), ill(a, -366, "I63.9"), ill(a, 58, "I63.9"), ill(a, 59, "Z89.3"), // the washout begins on day -365; February ends on day 58
				ill(b, 9, "C34.9"), ill(b, 12, "C34.9"), ill(b, 10, "I60"), ill(b, 30, "T05.0"),
			},
		},
		want: map[string][]int64{"55-59/male": {2, 0, 2, 0, 59 + 20}},
	}, {
		name: "sex unknown, birth unknown", id: "I7", given: given, cells: cells,
		world: enginetest.World{
			"person":    {{"psn_key": a, "sex": "unknown", "birth_ym": int64(195702)}, {"psn_key": b, "sex": "male"}},
			"coverage":  {insured(a, 0, 900, "resident"), insured(b, 0, 19, "resident")},
			"diagnosis": {ill(a, 3, "C34.9")},
		},
		want: map[string][]int64{},
	}} {
		t.Run(h.id+" "+h.name, func(t *testing.T) { checkHandmade(t, h) })
	}
}
