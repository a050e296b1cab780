//go:build duckdb_arrow

package templates_test

import (
	"testing"

	"github.com/qunxiang/qunxiang/queries/enginetest"
)

func TestFundOracles(t *testing.T) {
	for _, o := range fundOracles() {
		t.Run(o.id, func(t *testing.T) { checkOracle(t, o) })
	}
}

func fundOracles() []oracle {
	return []oracle{{
		id: "R2", given: map[string]string{"window": "2017-02..2017-04", "fund": "serious"}, cells: []string{"payments"},
		unbound: `SELECT count(*) FROM (SELECT psn_key FROM settlement WHERE setl_date BETWEEN DATE '2017-02-01' AND DATE '2017-04-30' GROUP BY 1 HAVING min(insutype) <> max(insutype))`,
		exact: `WITH m AS (SELECT psn_key, insutype, month(setl_date) AS m, least(20000000, sum(serious_fen))::BIGINT AS x FROM settlement
		  WHERE setl_date >= DATE '2017-02-01' AND setl_date < DATE '2017-05-01' GROUP BY ALL)
		SELECT insutype, count(DISTINCT psn_key), sum(x) FILTER (m = 2)::BIGINT, sum(x) FILTER (m = 3)::BIGINT, sum(x) FILTER (m = 4)::BIGINT FROM m GROUP BY 1`,
	}, {
		id: "R1", given: map[string]string{"window": "2017-01-01..2017-02-28", "version": "1.1"}, coarse: true, cells: []string{"cost/sum", "cost/rows", "cost/squares"},
		unbound: `SELECT count(*) FROM (SELECT psn_key FROM drg_result WHERE date BETWEEN DATE '2017-01-01' AND DATE '2017-02-28' GROUP BY 1 HAVING count(DISTINCT grp) > 3 OR count(*) > 4)`,
		exact: `WITH c AS (SELECT g.psn_key, grp, (SELECT sum(total_fen) FROM settlement s WHERE s.mdtrt_key = g.mdtrt_key AND setl_date BETWEEN DATE '2017-01-01' AND DATE '2017-02-28') AS x
		  FROM drg_result g SEMI JOIN (FROM encounter WHERE "end" < DATE '2017-03-01') e USING (mdtrt_key) WHERE date >= DATE '2017-01-01'),
		d AS (SELECT psn_key, grp, least(20000000, x) - 1400000 AS d FROM c WHERE x IS NOT NULL),
		p AS (SELECT psn_key, grp, count(*) AS n, greatest(-5600000, least(18600000, sum(d))) AS s, least(3460000, sum((d * d + 50000000) // 100000000)) AS q FROM d GROUP BY 1, 2)
		SELECT grp, count(*), sum(s)::BIGINT, sum(n)::BIGINT, sum(q)::BIGINT FROM p GROUP BY 1`,
	}, {
		id: "R3", given: map[string]string{"window": "2017-01-01..2017-06-30", "med_type": "all", "amount": "fund"}, cells: []string{"visits", "spending"},
		unbound: `SELECT count(*) FROM (SELECT psn_key FROM settlement WHERE setl_date BETWEEN DATE '2017-01-01' AND DATE '2017-06-30' AND insu_admdvs[:2] <> admdvs[:2]
		  GROUP BY 1 HAVING count(DISTINCT insu_admdvs[:2] || admdvs[:2]) > 4)`,
		exact: `WITH p AS (SELECT psn_key, replace(insu_admdvs[:2], 'un', 'unknown') AS a, replace(admdvs[:2], 'un', 'unknown') AS b,
		    least(40, count(DISTINCT coalesce(nullif(mdtrt_key, 0), setl_key))) AS v, least(20000000, sum(fund_fen)) AS x
		  FROM settlement WHERE setl_date >= DATE '2017-01-01' AND setl_date < DATE '2017-07-01' AND insu_admdvs[:2] <> admdvs[:2] GROUP BY ALL)
		SELECT a, b, count(*), sum(v)::BIGINT, sum(x)::BIGINT FROM p GROUP BY 1, 2`,
	}}
}

func TestFundByHand(t *testing.T) {
	a, b := enginetest.Person(1), enginetest.Person(2)
	fund := func(k enginetest.Key, key int64, day int, fen int64) enginetest.Row {
		return bill(k, key, 0, day, enginetest.Row{"fund_fen": fen, "insutype": "employee"})
	}
	place := func(k enginetest.Key, key, encounter int64, from, to string, fen int64) enginetest.Row {
		return bill(k, key, encounter, 1, enginetest.Row{"insu_admdvs": from, "admdvs": to, "total_fen": fen})
	}
	group := func(k enginetest.Key, encounter int64, day int, grp string, pay int64) enginetest.Row {
		return enginetest.Row{"psn_key": k, "mdtrt_key": encounter, "date": enginetest.Day(day), "scheme": "drg", "version": "1.1", "grp": grp, "pay_fen": pay, "level": "tertiary"}
	}
	for _, h := range []handmade{{
		name: "nobody", id: "R2", given: map[string]string{"window": "2017"}, cells: []string{"payments"}, want: map[string][]int64{},
	}, {
		name: "borders of months, the clamp of a month", id: "R2", given: map[string]string{"window": "2017-01..2017-03"}, cells: []string{"payments"},
		world: enginetest.World{
			"person": {{"psn_key": a}, {"psn_key": b}},
			"settlement": {
				fund(a, 1, -1, 7), fund(a, 2, 0, 5), fund(a, 3, 30, 6), fund(a, 4, 31, 15_000_000), fund(a, 5, 58, 15_000_000),
				fund(b, 6, 59, 9), fund(b, 7, 89, 1), fund(b, 8, 90, 7),
			},
		},
		want: map[string][]int64{"employee": {2, 11, 20_000_000, 10}},
	}, {
		name: "nobody", id: "R1", given: map[string]string{"window": "2017"}, cells: []string{"cost/sum"}, want: map[string][]int64{},
	}, {
		name: "interim bills, a stay beyond the window, another scheme, the ungrouped", id: "R1", given: map[string]string{"window": "2017"}, cells: []string{"cost/sum", "cost/rows", "cost/squares"},
		world: enginetest.World{
			"person":    {{"psn_key": a}, {"psn_key": b}},
			"encounter": {stay(a, 1, 0, 9, nil), stay(a, 2, 364, 365, nil), stay(a, 3, 3, 3, nil), stay(b, 4, 3, 9, nil), stay(b, 5, 5, 9, nil)},
			"settlement": {
				bill(a, 1, 1, 4, enginetest.Row{"total_fen": int64(1_000_000)}), bill(a, 2, 1, 9, enginetest.Row{"total_fen": int64(1_000_000)}),
				bill(a, 3, 2, 364, enginetest.Row{"total_fen": int64(9)}), bill(a, 4, 3, 3, enginetest.Row{"total_fen": int64(9)}),
				bill(b, 5, 4, 9, enginetest.Row{"total_fen": int64(900_000_000)}),
			},
			"drg_result": {
				group(a, 1, 0, "FR23", 1), group(a, 2, 364, "FR23", 1), {"psn_key": a, "mdtrt_key": int64(3), "date": enginetest.Day(3), "scheme": "dip", "grp": "X"},
				group(b, 4, 3, "unknown", 1), group(b, 5, 5, "FR23", 1),
			},
		},
		want: map[string][]int64{"FR23/tertiary": {1, 600_000, 1, 3_600}, "unknown/tertiary": {1, 18_600_000, 1, 3_459_600}},
	}, {
		name: "approved groups by their first three characters, not those of another scheme", id: "R1", coarse: true, cells: []string{"cost/rows"},
		given: map[string]string{"window": "2017", "amount": "payment", "groups": "drg-acute-myocardial-infarction,drg-respiratory-infection"},
		world: enginetest.World{
			"person": {{"psn_key": a}}, "encounter": {stay(a, 1, 0, 3, nil), stay(a, 2, 5, 6, nil), stay(a, 3, 8, 9, nil), stay(a, 4, 11, 12, nil)},
			"drg_result": {group(a, 1, 0, "FR23", 1), group(a, 2, 5, "ES29", 1), group(a, 3, 8, "FR31", 1),
				{"psn_key": a, "mdtrt_key": int64(4), "date": enginetest.Day(11), "scheme": "dip", "grp": "FR25"}},
		},
		want: map[string][]int64{"FR23": {1, 1}, "ES29": {1, 1}},
	}, {
		name: "the group's payment", id: "R1", given: map[string]string{"window": "2017", "amount": "payment"}, coarse: true, cells: []string{"cost/sum", "cost/rows"},
		world: enginetest.World{
			"person": {{"psn_key": a}}, "encounter": {stay(a, 1, 0, 364, nil)}, "drg_result": {group(a, 1, 0, "FR23", 1_400_007), group(a, 9, 0, "FR23", 5)},
		},
		want: map[string][]int64{"FR23": {1, 7, 1}},
	}, {
		name: "nobody", id: "R3", given: map[string]string{"window": "2017"}, cells: []string{"visits"}, want: map[string][]int64{},
	}, {
		name: "at home, across, unknown places, interim bills", id: "R3", given: map[string]string{"window": "2017"}, cells: []string{"visits", "spending"},
		world: enginetest.World{
			"person": {{"psn_key": a}, {"psn_key": b}},
			"settlement": {
				place(a, 1, 1, "320100", "320200", 5), place(a, 2, 2, "320100", "310000", 7), place(a, 3, 2, "320100", "310000", 8), place(a, 4, 0, "320100", "310000", 9),
				place(b, 5, 5, "unknown", "310000", 1), place(b, 6, 6, "unknown", "unknown", 2), place(b, 7, 7, "999999", "310000", 3),
			},
		},
		want: map[string][]int64{"32/31": {1, 2, 24}, "unknown/31": {1, 1, 1}, "unknown/unknown": {1, 1, 2}},
	}, {
		name: "all, by place of care", id: "R3", given: map[string]string{"window": "2017", "flow": "all"}, coarse: true, cells: []string{"visits", "spending"},
		world: enginetest.World{
			"person":     {{"psn_key": a}},
			"settlement": {place(a, 1, 1, "320100", "320200", 15_000_000), place(a, 2, 2, "310100", "320200", 15_000_000)},
		},
		want: map[string][]int64{"32": {1, 2, 20_000_000}},
	}} {
		t.Run(h.id+" "+h.name, func(t *testing.T) { checkHandmade(t, h) })
	}
}
