//go:build duckdb_arrow

package templates_test

import (
	"testing"

	"github.com/qunxiang/qunxiang/queries/enginetest"
)

var cohortOracles = []oracle{{
	id: "P2", cells: []string{"female", "age/sum", "conditions", "drugs"},
	given: map[string]string{"window": "2017", "codes": "type-2-diabetes", "lookback": "200", "strata": "insutype", "region": "44,32,37",
		"conditions": "charlson-renal,hypertension", "drugs": "metformin,statins"},
	exact: `WITH i AS (SELECT d.psn_key, min(d.date) AS day FROM diagnosis d WHERE d.dx_code LIKE 'E11%' AND year(d.date) = 2017 GROUP BY 1),
		c AS (SELECT i.psn_key, day, (SELECT min(insutype) FROM coverage c WHERE c.psn_key = i.psn_key AND c.begn <= day AND c."end" >= day AND left(insu_admdvs, 2) IN ('44', '32', '37')) AS scheme FROM i),
		r AS (SELECT c.psn_key, scheme, sex, ` + ageOf + ` AS age,
		  EXISTS (SELECT 1 FROM diagnosis d WHERE d.psn_key = c.psn_key AND d.date BETWEEN day - 200 AND day - 1 AND d.dx_code LIKE 'I1%') AS hyper,
		  EXISTS (SELECT 1 FROM diagnosis d WHERE d.psn_key = c.psn_key AND d.date BETWEEN day - 200 AND day - 1 AND d.dx_code LIKE 'N18%') AS renal,
		  EXISTS (SELECT 1 FROM fee_line f WHERE f.psn_key = c.psn_key AND f.date BETWEEN day - 200 AND day - 1 AND f.ingredient = 'metformin') AS metformin,
		  EXISTS (SELECT 1 FROM fee_line f WHERE f.psn_key = c.psn_key AND f.date BETWEEN day - 200 AND day - 1 AND f.ingredient LIKE '%vastatin') AS statin
		FROM c JOIN person USING (psn_key) WHERE scheme IS NOT NULL)
		SELECT scheme, count(*), count(*) FILTER (WHERE sex = 'female'), sum(age - 55)::BIGINT,
		  count(*) FILTER (WHERE renal), count(*) FILTER (WHERE hyper), count(*) FILTER (WHERE metformin), count(*) FILTER (WHERE statin) FROM r GROUP BY 1`,
}, {
	id: "P7", cells: nil, coarse: true,
	given: map[string]string{"window": "2017..2018", "classes": "metformin,sulfonylureas,alpha-glucosidase-inhibitors,insulins", "washout": "365", "gap": "40"},
	// A course begins where no earlier fill of the class reaches to within 40 days.
	exact: `WITH f AS (SELECT psn_key, date, CASE WHEN atc = 'A10BA02' THEN 'metformin' WHEN atc LIKE 'A10BB%' THEN 'sulfonylureas' WHEN atc LIKE 'A10BF%' THEN 'alpha-glucosidase-inhibitors' WHEN atc LIKE 'A10A%' THEN 'insulins' END AS c,
		  CASE WHEN days_supply BETWEEN 1 AND 366 THEN days_supply ELSE 30 END AS s FROM fee_line WHERE year(date) BETWEEN 2016 AND 2018),
		b AS (SELECT DISTINCT psn_key, date, c FROM f a WHERE c IS NOT NULL AND NOT EXISTS (SELECT 1 FROM f e WHERE e.psn_key = a.psn_key AND e.c = a.c AND e.date < a.date AND e.date + e.s + 40 >= a.date)),
		l AS (SELECT psn_key, min(date) AS start, list(c ORDER BY date, list_position(['metformin', 'sulfonylureas', 'alpha-glucosidase-inhibitors', 'insulins'], c)) AS steps FROM b GROUP BY 1),
		m AS (SELECT psn_key, start, list_transform(list_filter(range(1, len(steps) + 1), lambda i: i = 1 OR steps[i] <> steps[i - 1]), lambda i: steps[i]) AS steps FROM l)
		SELECT array_to_string(steps[1:3], '>'), count(*) FROM m WHERE year(start) >= 2017
		  AND NOT EXISTS (SELECT 1 FROM range(0, 1096) t(n) WHERE DATE '2016-01-02' + n::INTEGER BETWEEN start - 365 AND start
		    AND NOT EXISTS (SELECT 1 FROM coverage c WHERE c.psn_key = m.psn_key AND DATE '2016-01-02' + n::INTEGER BETWEEN c.begn AND c."end")) GROUP BY 1`,
}}

func TestCohortOracles(t *testing.T) {
	for _, o := range cohortOracles {
		t.Run(o.id, func(t *testing.T) { checkOracle(t, o) })
	}
}

func baselineByHand() []handmade {
	a, b, c := enginetest.Person(1), enginetest.Person(2), enginetest.Person(3)
	given := map[string]string{"window": "2017", "codes": "stroke", "lookback": "30", "conditions": "hypertension,type-2-diabetes", "drugs": "metformin"}
	cells := []string{"female", "age/sum", "conditions", "drugs"}
	man := enginetest.Row{"psn_key": b, "sex": "male"} // nobody knows his birth
	return []handmade{
		{name: "nobody", id: "P2", given: given, cells: cells, coarse: true, world: enginetest.World{}, want: map[string][]int64{}},
		{name: "edges of the lookback", id: "P2", given: given, cells: cells, want: map[string][]int64{"female": {1, 1, 67 - 55, 1, 1, 1}, "male": {1, 0, 0, 0, 0, 0}},
			world: enginetest.World{"person": {born(a, 195001), man, born(c, 195001)}, "coverage": {covered(a, 0, 900), covered(b, 364, 364), covered(c, 0, 19)},
				"diagnosis": {
					record(a, 10, "I63.9"), record(a, 20, "I61"), record(a, -20, "I10"), record(a, -19, "I10"), record(a, 9, "E11.9"),
					record(b, 364, "I63.9"), record(b, 364, "I10"), record(b, 333, "E11.9"), // the day itself, and a day too early
					record(c, 20, "I63.9"), // not covered any more
				},
				"fee_line": {fill(a, -20, "A10BA02", 30), fill(a, 5, "A10BA02", 30), fill(b, 364, "A10BA02", 30), fill(c, 1, "A10BA02", 30)}}},
	}
}

func linesByHand() []handmade {
	a, b, c, d := enginetest.Person(1), enginetest.Person(2), enginetest.Person(3), enginetest.Person(4)
	given := map[string]string{"window": "2017", "classes": "metformin,sulfonylureas,insulins", "washout": "100", "gap": "10"}
	people := func(k ...enginetest.Key) (rows []enginetest.Row) {
		for _, x := range k {
			rows = append(rows, born(x, 195001))
		}
		return rows
	}
	const met, sulf, ins = "A10BA02", "A10BB12", "A10AE04"
	return []handmade{
		{name: "nobody", id: "P7", given: given, coarse: true, world: enginetest.World{}, want: map[string][]int64{}},
		{name: "gaps, repeats, a fourth step, the same day", id: "P7", given: given, want: map[string][]int64{
			"metformin>insulins>metformin/65+": {1}, "metformin/65+": {1}, "metformin>sulfonylureas/65+": {1}},
			world: enginetest.World{"person": people(a, b, c), "coverage": {covered(a, -200, -51), covered(a, -50, 364), covered(b, -200, 10), covered(c, -100, 0)}, "fee_line": {
				fill(a, 20, met, 30), fill(a, 60, met, 30), fill(a, 70, ins, 30), fill(a, 101, met, 30), fill(a, 150, sulf, 30), // 60 = 50 + 10 goes on, 101 = 90 + 11 does not
				fill(b, 10, met, 0), fill(b, 51, met, 30), fill(b, 200, met, 30), fill(b, 300, "C10AA05", 30), // repeats only
				fill(c, 0, sulf, 30), fill(c, 0, met, 30)}}},
		{name: "old users and breaks in cover", id: "P7", given: given, coarse: true, want: map[string][]int64{"insulins": {1}},
			world: enginetest.World{"person": people(a, b, c, d), "coverage": {covered(a, -200, 364), covered(b, -200, 364), covered(c, -200, -60), covered(c, -58, 364), covered(d, -99, 364)}, "fee_line": {
				fill(a, -100, met, 30), fill(a, 50, ins, 30), fill(b, -101, met, 30), fill(b, 364, ins, 30), fill(c, 40, met, 30), fill(d, 0, met, 30)}}},
	}
}

func TestCohortByHand(t *testing.T) {
	for _, h := range append(baselineByHand(), linesByHand()...) {
		t.Run(h.id+" "+h.name, func(t *testing.T) { checkHandmade(t, h) })
	}
}
