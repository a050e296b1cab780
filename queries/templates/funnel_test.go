//go:build duckdb_arrow

package templates_test

import (
	"testing"

	"github.com/qunxiang/qunxiang/queries/enginetest"
)

func TestFunnelOracles(t *testing.T) {
	steps := map[string]string{"window": "2016..2018", "steps": "hypertension,type-2-diabetes,coronary-heart-disease"}
	ordered := map[string]string{"sequence": "in_time", "insutype": "resident", "region": "37,41,44"}
	for k, v := range steps {
		ordered[k] = v
	}
	const days = `WITH d AS (SELECT psn_key, date, CASE WHEN dx_code SIMILAR TO 'I1[01235].*' THEN 1 WHEN dx_code SIMILAR TO 'E11.*' THEN 2 WHEN dx_code SIMILAR TO 'I2[0-5].*' THEN 3 END AS s FROM diagnosis WHERE system = 'icd10'),
		p AS (SELECT DISTINCT psn_key, greatest(0, (2016 * 12 - (birth_ym // 100 * 12 + birth_ym % 100 - 1)) // 12) AS age FROM coverage JOIN person USING (psn_key)
		  WHERE begn <= DATE '2018-12-31' AND "end" >= DATE '2016-01-01' AND `
	for _, o := range []oracle{{
		id: "I1", given: steps, cells: []string{"furthest"},
		exact: days + `birth_ym IS NOT NULL),
		n AS (SELECT psn_key, age, coalesce(list(DISTINCT s) FILTER (s IS NOT NULL), []) AS l FROM p LEFT JOIN d USING (psn_key) GROUP BY ALL)
		SELECT CASE WHEN age >= 60 THEN '60+' ELSE (age // 20 * 20) || '-' || (age // 20 * 20 + 19) END, count(*),
		  count(*) FILTER (1 IN l AND NOT 2 IN l), count(*) FILTER (1 IN l AND 2 IN l AND NOT 3 IN l), count(*) FILTER (len(l) = 3) FROM n GROUP BY 1`,
	}, {
		id: "I1", given: ordered, coarse: true, cells: []string{"furthest"},
		exact: days + `insutype = 'resident' AND insu_admdvs[:2] IN ('37', '41', '44')),
		c AS (SELECT p.psn_key, bool_or(a.date IS NOT NULL) AS x1, bool_or(b.date >= a.date) AS x2, bool_or(b.date >= a.date AND e.date >= b.date) AS x3
		  FROM p LEFT JOIN d a ON a.psn_key = p.psn_key AND a.s = 1 LEFT JOIN d b ON b.psn_key = p.psn_key AND b.s = 2 LEFT JOIN d e ON e.psn_key = p.psn_key AND e.s = 3 GROUP BY 1)
		SELECT count(*), count(*) FILTER (x1 AND NOT coalesce(x2, false)), count(*) FILTER (x2 AND NOT coalesce(x3, false)), count(*) FILTER (x3) FROM c`,
	}} {
		t.Run(o.id, func(t *testing.T) { checkOracle(t, o) })
	}
}

func TestFunnelByHand(t *testing.T) {
	a, b, c := enginetest.Person(1), enginetest.Person(2), enginetest.Person(3)
	ill := func(k enginetest.Key, day int, code string) enginetest.Row {
		return enginetest.Row{"psn_key": k, "date": enginetest.Day(day), "dx_code": code, "system": "icd10"}
	}
	world := enginetest.World{
		"person":   {{"psn_key": a, "birth_ym": int64(195001)}, {"psn_key": b, "birth_ym": int64(195001)}, {"psn_key": c, "birth_ym": int64(195001)}},
		"coverage": {insured(a, -9, 0, "employee"), insured(b, 364, 900, "employee"), insured(c, -9, -1, "employee")},
		"diagnosis": {
			ill(a, 200, "I10"), ill(a, 100, "E11.9"), ill(a, 200, "I63.9"), ill(a, 200, "J44.9"), // no coronary disease
			ill(b, 364, "E11.9"), ill(b, 365, "I10"), ill(b, -1, "I10"),
			ill(c, 5, "I10"),
		},
	}
	given := func(steps, sequence string) map[string]string {
		return map[string]string{"window": "2017", "steps": steps, "sequence": sequence}
	}
	for _, h := range []handmade{{
		name: "nobody", id: "I1", given: map[string]string{"window": "2017"}, cells: []string{"furthest"}, want: map[string][]int64{},
	}, {
		name: "a step is missed", id: "I1", given: given("hypertension,type-2-diabetes,coronary-heart-disease,stroke", "any"), world: world,
		cells: []string{"furthest"}, want: map[string][]int64{"60+": {2, 0, 1, 0, 0}},
	}, {
		name: "out of time", id: "I1", given: given("hypertension,type-2-diabetes", "in_time"), world: world,
		cells: []string{"furthest"}, want: map[string][]int64{"60+": {2, 1, 0}},
	}, {
		name: "on one day, one person with everything", id: "I1", coarse: true, given: given("hypertension,stroke,copd", "in_time"), world: world,
		cells: []string{"furthest"}, want: map[string][]int64{"": {2, 0, 0, 1}},
	}} {
		t.Run(h.id+" "+h.name, func(t *testing.T) { checkHandmade(t, h) })
	}
}
