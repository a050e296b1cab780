//go:build duckdb_arrow

package templates_test

import (
	"testing"

	"github.com/qunxiang/qunxiang/queries/enginetest"
)

func TestLayerCostOracle(t *testing.T) {
	checkOracle(t, oracle{
		id: "I5", given: map[string]string{"window": "2017", "layers": "3000xs500,8000xs3500,100000xs20000", "region": "37,44,51"}, cells: []string{"burning_cost", "reached"},
		exact: `WITH days AS (SELECT psn_key, insutype, sum(date_diff('day', greatest(begn, DATE '2017-01-01'), least("end", DATE '2017-12-31'))) AS d
		  FROM coverage WHERE begn <= DATE '2017-12-31' AND "end" >= DATE '2017-01-01' AND insu_admdvs[:2] IN ('37', '44', '51') GROUP BY 1, 2),
		scheme AS (SELECT psn_key, arg_min(insutype, {'d': -d, 'i': insutype}) AS insutype FROM days GROUP BY 1),
		paid AS (SELECT psn_key, insutype, coalesce((SELECT sum(psn_fen) FROM settlement WHERE settlement.psn_key = scheme.psn_key AND year(setl_date) = 2017), 0)::BIGINT AS x FROM scheme)
		SELECT insutype, count(*),
		  sum(CASE WHEN x <= 50000 THEN 0 WHEN x >= 350000 THEN 10000 ELSE (x - 50000) // 30 END)::BIGINT,
		  sum(CASE WHEN x <= 350000 THEN 0 WHEN x >= 1150000 THEN 10000 ELSE (x - 350000) // 80 END)::BIGINT,
		  sum(CASE WHEN x <= 2000000 THEN 0 WHEN x >= 12000000 THEN 10000 ELSE (x - 2000000) // 1000 END)::BIGINT,
		  count(*) FILTER (x > 50000), count(*) FILTER (x > 350000), count(*) FILTER (x > 2000000) FROM paid GROUP BY 1`,
	})
}

func TestLayerCostByHand(t *testing.T) {
	a, b, c := enginetest.Person(1), enginetest.Person(2), enginetest.Person(3)
	given := map[string]string{"window": "2017", "layers": "100xs50,1000xs150"}
	cells := []string{"burning_cost", "reached"}
	for _, h := range []handmade{{
		name: "nobody", id: "I5", given: given, cells: cells, want: map[string][]int64{},
	}, {
		name: "just at the attachment, one fen above, exhausted", id: "I5", given: given, cells: cells,
		world: enginetest.World{
			"person":   {{"psn_key": a}, {"psn_key": b}, {"psn_key": c}},
			"coverage": {insured(a, 0, 9, "employee"), insured(b, 364, 400, "employee"), insured(c, -100, 0, "resident"), insured(c, 1, 1, "resident")},
			"settlement": {
				bill(a, 1, 0, 0, enginetest.Row{"psn_fen": int64(5_000)}), bill(a, 2, 0, 365, enginetest.Row{"psn_fen": int64(5_000)}),
				bill(b, 3, 0, 0, enginetest.Row{"psn_fen": int64(14_000)}), bill(b, 4, 0, 364, enginetest.Row{"psn_fen": int64(1_001)}),
				bill(c, 5, 0, 100, enginetest.Row{"psn_fen": int64(999_999_999)}),
			},
		},
		// b: 100.00 of 100 used, 0.01 of 1,000, which is less than a ten-thousandth.
		want: map[string][]int64{"employee": {2, 10_000, 0, 1, 1}, "resident": {1, 10_000, 10_000, 1, 1}},
	}, {
		name: "out of scope only", id: "I5", given: map[string]string{"window": "2017", "layers": "100xs0", "amount": "out_of_scope"}, coarse: true, cells: cells,
		world: enginetest.World{
			"person":     {{"psn_key": a}, {"psn_key": b}},
			"coverage":   {insured(a, 0, 9, "employee")},
			"settlement": {bill(a, 1, 0, 0, enginetest.Row{"psn_fen": int64(90_000), "selfpay_full_fen": int64(2_000), "overlimit_fen": int64(500)}), bill(b, 2, 0, 0, enginetest.Row{"selfpay_full_fen": int64(90_000)})},
		},
		want: map[string][]int64{"": {1, 2_500, 1}},
	}, {
		name: "layers to the fen", id: "I5", given: map[string]string{"window": "2017", "layers": "0.50xs20.25"}, coarse: true, cells: cells,
		world: enginetest.World{
			"person": {{"psn_key": a}, {"psn_key": b}}, "coverage": {insured(a, 0, 9, "employee"), insured(b, 0, 9, "employee")},
			"settlement": {bill(a, 1, 0, 0, enginetest.Row{"psn_fen": int64(2_025)}), bill(b, 2, 0, 0, enginetest.Row{"psn_fen": int64(2_030)})},
		},
		want: map[string][]int64{"": {2, 1_000, 1}},
	}} {
		t.Run(h.id+" "+h.name, func(t *testing.T) { checkHandmade(t, h) })
	}
}

func TestLossRatioOracle(t *testing.T) {
	checkOracle(t, oracle{
		id: "I6", given: map[string]string{"window": "2017", "deductible": "3000", "coinsurance": "2500", "cap": "20000", "base": "in_scope", "region": "32,37,41,44"},
		cells: []string{"benefits", "claimants", "person_days"},
		exact: `WITH c AS (SELECT psn_key, insutype, greatest(begn, DATE '2017-01-01') AS b, least("end", DATE '2017-12-31') AS e FROM coverage
		  WHERE begn <= DATE '2017-12-31' AND "end" >= DATE '2017-01-01' AND insu_admdvs[:2] IN ('32', '37', '41', '44')),
		d AS (SELECT DISTINCT psn_key, unnest(generate_series(b, e, INTERVAL 1 DAY))::DATE AS d FROM c),
		scheme AS (SELECT psn_key, arg_min(insutype, {'d': -x, 'i': insutype}) AS insutype FROM (SELECT psn_key, insutype, sum(e - b) AS x FROM c GROUP BY 1, 2) GROUP BY 1),
		x AS (SELECT psn_key, sum(psn_fen - selfpay_full_fen - overlimit_fen)::BIGINT AS x FROM settlement JOIN d USING (psn_key) WHERE d.d = setl_date GROUP BY 1),
		p AS (SELECT scheme.psn_key, insutype, greatest(0, (2017 * 12 - (birth_ym // 100 * 12 + birth_ym % 100 - 1)) // 12) AS age,
		    CASE WHEN x <= 300000 OR x IS NULL THEN 0 WHEN x >= 300000 + 2666667 THEN 2000000 ELSE (x - 300000) * 3 // 4 END AS y, (SELECT count(*) FROM d WHERE d.psn_key = scheme.psn_key) AS n
		  FROM scheme JOIN person USING (psn_key) LEFT JOIN x USING (psn_key) WHERE birth_ym IS NOT NULL)
		SELECT CASE WHEN age >= 70 THEN '70+' ELSE (age // 10 * 10) || '-' || (age // 10 * 10 + 9) END, insutype, count(*), sum(y)::BIGINT, count(*) FILTER (y > 0), sum(n)::BIGINT FROM p GROUP BY 1, 2`,
	})
}

func TestLossRatioByHand(t *testing.T) {
	a, b, c := enginetest.Person(1), enginetest.Person(2), enginetest.Person(3)
	given := map[string]string{"window": "2017", "deductible": "10.00", "coinsurance": "3333", "cap": "1000"}
	cells := []string{"benefits", "claimants", "person_days"}
	paid := func(k enginetest.Key, key int64, day int, fen int64) enginetest.Row {
		return bill(k, key, 0, day, enginetest.Row{"psn_fen": fen})
	}
	for _, h := range []handmade{{
		name: "nobody", id: "I6", given: given, cells: cells, want: map[string][]int64{},
	}, {
		name: "at the deductible, one fen above, at the cap, bills outside cover", id: "I6", given: given, cells: cells,
		world: enginetest.World{
			"person":   {{"psn_key": a, "birth_ym": int64(195001)}, {"psn_key": b, "birth_ym": int64(195001)}, {"psn_key": c, "birth_ym": int64(194701)}},
			"coverage": {insured(a, 0, 9, "employee"), insured(a, 5, 14, "employee"), insured(b, 0, 364, "employee"), insured(c, 0, 0, "resident"), insured(c, 3, 900, "other")},
			"settlement": {
				paid(a, 1, 0, 400), paid(a, 2, 14, 600), paid(a, 3, 15, 99_999), // 15 days of cover
				paid(b, 4, 364, 1_002), paid(b, 5, 365, 10_000), // 2 fen less 33.33 %, rounded down
				paid(c, 6, 0, 90_000), paid(c, 7, 1, 50_000_000), paid(c, 8, 3, 70_000),
			},
		},
		want: map[string][]int64{"60-69/employee": {2, 1, 1, 15 + 365}, "70+/other": {1, 100_000, 1, 1 + 362}},
	}, {
		name: "only what lies outside the list", id: "I6", coarse: true, given: map[string]string{"window": "2017", "deductible": "0", "coinsurance": "0", "base": "out_of_scope"}, cells: cells,
		world: enginetest.World{
			"person":     {{"psn_key": a, "birth_ym": int64(201705)}},
			"coverage":   {insured(a, 0, 400, "unknown")},
			"settlement": {bill(a, 1, 0, 3, enginetest.Row{"psn_fen": int64(500), "selfpay_full_fen": int64(70), "overlimit_fen": int64(30)})},
		},
		want: map[string][]int64{"0-9": {1, 100, 1, 365}},
	}} {
		t.Run(h.id+" "+h.name, func(t *testing.T) { checkHandmade(t, h) })
	}
}
