//go:build duckdb_arrow

package templates_test

import (
	"testing"

	"github.com/qunxiang/qunxiang/queries/enginetest"
)

func TestInsurerOracles(t *testing.T) {
	for _, o := range []oracle{{
		id: "I2", given: map[string]string{"window": "2017"}, cells: []string{"claims", "person_days"},
		exact: `WITH cov AS (SELECT psn_key, sum(date_diff('day', greatest(begn, DATE '2017-01-01'), least("end", DATE '2017-12-31')) + 1) AS d
		  FROM coverage WHERE begn <= DATE '2017-12-31' AND "end" >= DATE '2017-01-01' GROUP BY 1),
		cl AS (SELECT psn_key, count(*) AS c FROM encounter WHERE begn >= DATE '2017-01-01' AND "end" <= DATE '2017-12-31' AND med_type = '21' GROUP BY 1),
		p AS (SELECT psn_key, sex, (2017 * 12 - (birth_ym // 100 * 12 + birth_ym % 100 - 1)) // 12 AS age FROM person)
		SELECT CASE WHEN age >= 90 THEN '90+' ELSE (age // 5 * 5) || '-' || (age // 5 * 5 + 4) END, sex,
		  count(*), sum(least(6, coalesce(c, 0)))::BIGINT, sum(least(366, d))::BIGINT
		FROM cov JOIN p USING (psn_key) LEFT JOIN cl USING (psn_key) WHERE age >= 0 GROUP BY 1, 2`,
	}} {
		t.Run(o.id, func(t *testing.T) { checkOracle(t, o) })
	}
}

func TestInsurerByHand(t *testing.T) {
	a := enginetest.Person(1)
	for _, h := range []handmade{{
		name: "nobody", id: "I2", given: map[string]string{"window": "2017"}, world: enginetest.World{}, cells: []string{"claims", "person_days"}, want: map[string][]int64{},
	}, {
		name: "stays at the window's edges", id: "I2", given: map[string]string{"window": "2017"}, cells: []string{"claims", "person_days"},
		world: enginetest.World{
			"person":   {{"psn_key": a, "sex": "male", "birth_ym": int64(198001)}},
			"coverage": {{"psn_key": a, "begn": enginetest.Day(-400), "end": enginetest.Day(9)}, {"psn_key": a, "begn": enginetest.Day(360), "end": enginetest.Day(900)}},
			"encounter": {
				{"psn_key": a, "mdtrt_key": int64(1), "med_type": "21", "begn": enginetest.Day(0), "end": enginetest.Day(0)},
				{"psn_key": a, "mdtrt_key": int64(2), "med_type": "21", "begn": enginetest.Day(-1), "end": enginetest.Day(3)},
				{"psn_key": a, "mdtrt_key": int64(3), "med_type": "21", "begn": enginetest.Day(364), "end": enginetest.Day(364)},
				{"psn_key": a, "mdtrt_key": int64(4), "med_type": "21", "begn": enginetest.Day(364), "end": enginetest.Day(365)},
			},
		},
		want: map[string][]int64{"35-39/male": {1, 2, 15}},
	}} {
		t.Run(h.id+" "+h.name, func(t *testing.T) { checkHandmade(t, h) })
	}
}
