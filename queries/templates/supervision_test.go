//go:build duckdb_arrow

package templates_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries/enginetest"
)

func TestSupervisionOracles(t *testing.T) {
	for _, o := range []oracle{{
		id: "D1", coarse: true, given: map[string]string{"window": "2017", "items": "knee-replacement,cataract-surgery,cholecystectomy,caesarean-section"}, cells: []string{"operations", "quantity", "spending"},
		unbound: `SELECT count(*) FROM (SELECT psn_key FROM "procedure" WHERE year(date) = 2017 GROUP BY 1 HAVING count(DISTINCT code || quarter(date)) > 4)`,
		exact: `WITH o AS (SELECT psn_key, mdtrt_key, CASE WHEN code[:5] = '81.54' THEN 'knee-replacement' WHEN code[:5] IN ('13.41', '13.71') THEN 'cataract-surgery'
		    WHEN code[:4] = '51.2' THEN 'cholecystectomy' WHEN code SIMILAR TO '74\.([0124].*|99.*)' THEN 'caesarean-section' END AS item FROM "procedure" WHERE year(date) = 2017),
		v AS (SELECT mdtrt_key, quarter(begn) AS q, (SELECT sum(qty_milli) FROM fee_line f WHERE f.mdtrt_key = e.mdtrt_key AND list_type = 'material' AND year(date) = 2017) AS n,
		    (SELECT sum(amt_fen) FROM fee_line f WHERE f.mdtrt_key = e.mdtrt_key AND list_type = 'material' AND year(date) = 2017) AS x
		  FROM encounter e WHERE begn >= DATE '2017-01-01' AND "end" < DATE '2018-01-01'),
		p AS (SELECT psn_key, item, q, least(6, count(*)) AS c, least(50, round(coalesce(sum(n), 0) / 1000)) AS n, least(10000000, coalesce(sum(x), 0)) AS x
		  FROM o JOIN v USING (mdtrt_key) WHERE item IS NOT NULL GROUP BY 1, 2, 3)
		SELECT item, '2017-Q' || q, count(*), sum(c)::BIGINT, sum(n)::BIGINT, sum(x)::BIGINT FROM p GROUP BY 1, 2`,
	}, {
		id: "R4", given: map[string]string{"window": "2017-01..2017-02", "gap": "30", "hospital": "any"}, cells: []string{"stays", "pairs"},
		unbound: `SELECT count(*) FROM (SELECT psn_key FROM encounter WHERE med_type = '21' AND begn BETWEEN DATE '2017-01-01' AND DATE '2017-02-28' GROUP BY 1 HAVING count(DISTINCT level || main_dx[1]) > 3 OR count(*) > 5)`,
		exact: `WITH e AS (SELECT *, {'b': begn, 'e': "end", 'k': mdtrt_key} AS at FROM encounter WHERE med_type = '21' AND begn >= DATE '2017-01-01' AND "end" < DATE '2017-03-01'),
		p AS (SELECT a.psn_key, a.level, a.main_dx, a."end", min(b.at) AS next FROM e a LEFT JOIN e b ON a.psn_key = b.psn_key AND b.at > a.at GROUP BY a.psn_key, a.mdtrt_key, a.level, a.main_dx, a."end")
		SELECT level, CASE main_dx[1] WHEN 'A' THEN 'A00-B99' WHEN 'B' THEN 'A00-B99' WHEN 'C' THEN 'C00-D48' WHEN 'D' THEN CASE WHEN main_dx < 'D49' THEN 'C00-D48' ELSE 'D50-D89' END
		  WHEN 'E' THEN 'E00-E90' WHEN 'H' THEN CASE WHEN main_dx < 'H59.99' THEN 'H00-H59' ELSE 'H60-H95' END WHEN 'K' THEN 'K00-K93' WHEN 'P' THEN 'P00-P96' WHEN 'S' THEN 'S00-T98'
		  ELSE main_dx[1] || '00-' || main_dx[1] || '99' END, count(DISTINCT psn_key), count(*), count(*) FILTER (next.b >= "end" AND next.b <= "end" + 30)
		FROM p GROUP BY 1, 2`,
	}, {
		id: "R5", given: map[string]string{"window": "2017-01-01..2017-01-31", "region": "37,41,44,51"}, cells: []string{"checked", "failed"},
		unbound: `SELECT count(*) FROM (SELECT psn_key FROM fee_line WHERE date BETWEEN DATE '2017-01-01' AND DATE '2017-01-31' GROUP BY 1 HAVING count(*) > 50 OR count(DISTINCT level) > 3)`,
		exact: `WITH s AS (SELECT * FROM settlement WHERE setl_date BETWEEN DATE '2017-01-01' AND DATE '2017-01-31' AND insu_admdvs[:2] IN ('37', '41', '44', '51')),
		f AS (SELECT * FROM fee_line WHERE date BETWEEN DATE '2017-01-01' AND DATE '2017-01-31' AND insu_admdvs[:2] IN ('37', '41', '44', '51')),
		e AS (SELECT * FROM encounter WHERE begn >= DATE '2017-01-01' AND "end" <= DATE '2017-01-31' AND med_type = '21' AND insu_admdvs[:2] IN ('37', '41', '44', '51')),
		r AS (SELECT psn_key, level, 0 AS rule, total_fen <> fund_fen + psn_fen + hosp_fen AS bad FROM s
		  UNION ALL SELECT psn_key, level, 1, total_fen - selfpay_full_fen - overlimit_fen - preself_fen - inscope_fen <> 0 FROM s
		  UNION ALL SELECT psn_key, level, 2, psn_fen - acct_fen <> cash_fen FROM s
		  UNION ALL SELECT psn_key, level, 3, NOT EXISTS (FROM coverage c WHERE c.psn_key = s.psn_key AND c.begn <= setl_date AND c."end" >= setl_date) FROM s
		  UNION ALL SELECT psn_key, level, 4, mdtrt_key = 0 FROM s UNION ALL SELECT psn_key, level, 5, main_dx = 'unknown' FROM e UNION ALL SELECT psn_key, level, 6, los_d <> "end" - begn FROM e
		  UNION ALL SELECT psn_key, level, 7, inscope_fen < 0 OR inscope_fen > amt_fen FROM f UNION ALL SELECT psn_key, level, 8, atc = 'unknown' FROM f WHERE list_type = 'drug'
		  UNION ALL SELECT psn_key, level, 9, days_supply <= 0 FROM f WHERE list_type = 'drug')
		SELECT level, count(DISTINCT psn_key), ` + perRule("true") + ", " + perRule("bad") + ` FROM r GROUP BY 1`,
	}} {
		t.Run(o.id, func(t *testing.T) { checkOracle(t, o) })
	}
}

// perRule counts rows by rule.
func perRule(condition string) string {
	var out []string
	for i := range 10 {
		out = append(out, fmt.Sprintf("count(*) FILTER (rule = %d AND %s)", i, condition))
	}
	return strings.Join(out, ", ")
}

func TestSupervisionByHand(t *testing.T) {
	a, b := enginetest.Person(1), enginetest.Person(2)
	operation := func(k enginetest.Key, encounter int64, day int, code string) enginetest.Row {
		return enginetest.Row{"psn_key": k, "mdtrt_key": encounter, "date": enginetest.Day(day), "code": code, "system": "icd9cm"}
	}
	material := func(k enginetest.Key, encounter int64, day int, milli, fen int64) enginetest.Row {
		return enginetest.Row{"psn_key": k, "mdtrt_key": encounter, "date": enginetest.Day(day), "list_type": "material", "qty_milli": milli, "amt_fen": fen}
	}
	at := func(level, dx string, inst int64) enginetest.Row {
		return enginetest.Row{"level": level, "main_dx": dx, "system": "icd10", "inst_key": inst}
	}
	fine := func(n int) (out []enginetest.Row) {
		for i := range n {
			out = append(out, bill(a, int64(i+1), 1, i, enginetest.Row{"level": "primary", "insu_admdvs": "320100"}))
		}
		return out
	}
	for _, h := range []handmade{{
		name: "nobody", id: "D1", given: map[string]string{"window": "2017"}, cells: []string{"operations"}, want: map[string][]int64{},
	}, {
		name: "two classes in one stay, borders, unknown codes, materials of another stay", id: "D1", given: map[string]string{"window": "2017", "items": "coronary-intervention,hip-replacement"}, cells: []string{"operations", "quantity", "spending"},
		world: enginetest.World{
			"person":    {{"psn_key": a}, {"psn_key": b}},
			"encounter": {stay(a, 1, 88, 95, at("tertiary", "I21", 1)), stay(a, 2, -1, 3, nil), stay(a, 3, 364, 365, nil), stay(b, 4, 0, 0, at("primary", "M16", 1))},
			"procedure": {
				operation(a, 1, 95, "36.07"), operation(a, 1, 95, "00.66"), operation(a, 1, 95, "81.51"), operation(a, 1, 95, "81.5"),
				operation(a, 2, 2, "36.07"), operation(a, 3, 364, "36.07"), operation(b, 4, 0, "99.99"), operation(b, 0, 0, "36.07"),
			},
			"fee_line": {material(a, 1, 95, 2_400, 700), material(a, 1, 90, 100, 11_000_000), material(a, 9, 90, 9_000, 9), {"psn_key": a, "mdtrt_key": int64(1), "date": enginetest.Day(90), "list_type": "drug", "qty_milli": int64(50_000), "amt_fen": int64(5)}},
		},
		want: map[string][]int64{
			"coronary-intervention/2017-Q1/tertiary": {1, 2, 3, 10_000_000},
			"hip-replacement/2017-Q1/tertiary":       {1, 1, 3, 10_000_000},
		},
	}, {
		name: "nobody", id: "R4", given: map[string]string{"window": "2017"}, cells: []string{"stays"}, want: map[string][]int64{},
	}, {
		name: "gap just kept and just missed, overlap, another hospital, beyond the window", id: "R4", given: map[string]string{"window": "2017", "gap": "7"}, cells: []string{"stays", "pairs"},
		world: enginetest.World{
			"person": {{"psn_key": a}, {"psn_key": b}},
			"encounter": {
				stay(a, 1, 0, 5, at("tertiary", "D48", 1)), stay(a, 2, 12, 20, at("tertiary", "D50.9", 1)), stay(a, 3, 28, 40, at("tertiary", "H59.9", 1)), stay(a, 4, 39, 50, at("tertiary", "H59", 1)),
				stay(b, 5, 0, 5, at("primary", "U07.1", 1)), stay(b, 6, 5, 9, at("primary", "U07.1", 2)), stay(b, 7, 350, 363, at("primary", "W19", 2)), stay(b, 8, 364, 365, at("primary", "W19", 2)),
				stay(b, 9, 100, 101, enginetest.Row{"level": "primary", "main_dx": "V10", "system": "omop"}),
			},
		},
		want: map[string][]int64{
			"tertiary/C00-D48": {1, 1, 1}, "tertiary/D50-D89": {1, 1, 0}, "tertiary/H00-H59": {1, 2, 0},
			"primary/U00-U99": {1, 2, 0}, "primary/V01-Y98": {1, 1, 0}, "primary/unknown": {1, 1, 0},
		},
	}, {
		name: "any hospital, institutions unknown", id: "R4", coarse: true, given: map[string]string{"window": "2017", "gap": "0", "hospital": "any"}, cells: []string{"stays", "pairs"},
		world: enginetest.World{
			"person":    {{"psn_key": a}, {"psn_key": b}},
			"encounter": {stay(a, 1, 0, 5, nil), stay(a, 2, 5, 5, nil), stay(a, 3, 5, 6, nil), stay(b, 4, 5, 5, enginetest.Row{"med_type": "11"})},
		},
		want: map[string][]int64{"unknown": {1, 3, 2}},
	}, {
		name: "nobody", id: "R5", given: map[string]string{"window": "2017"}, cells: []string{"checked"}, want: map[string][]int64{},
	}, {
		name: "each rule broken once", id: "R5", given: map[string]string{"window": "2017"}, cells: []string{"checked", "failed"},
		world: enginetest.World{
			"person":    {{"psn_key": a}, {"psn_key": b}},
			"coverage":  {insured(a, 0, 9, "employee"), insured(a, 5, 20, "employee")},
			"encounter": {stay(a, 1, 0, 5, enginetest.Row{"los_d": int64(6), "main_dx": "I10"}), stay(a, 2, 0, 5, nil)},
			"settlement": {
				bill(a, 1, 1, 0, enginetest.Row{"total_fen": int64(10), "fund_fen": int64(6), "psn_fen": int64(3), "hosp_fen": int64(1), "acct_fen": int64(1), "cash_fen": int64(2), "inscope_fen": int64(10)}),
				bill(a, 2, 1, 9, enginetest.Row{"total_fen": int64(10), "fund_fen": int64(10), "psn_fen": int64(1), "inscope_fen": int64(11)}),
				bill(a, 3, 0, 21, nil), bill(a, 4, 0, 365, nil),
			},
			"fee_line": {
				{"psn_key": b, "list_type": "drug", "atc": "C07", "days_supply": int64(3), "amt_fen": int64(5), "inscope_fen": int64(5), "level": "primary"},
				{"psn_key": b, "list_type": "drug", "amt_fen": int64(5), "inscope_fen": int64(6), "level": "primary"},
				{"psn_key": b, "list_type": "service", "amt_fen": int64(-5), "inscope_fen": int64(-5), "level": "primary"},
			},
		},
		want: map[string][]int64{
			"unknown": {1, 3, 3, 3, 3, 3, 2, 2, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0},
			"primary": {1, 0, 0, 0, 0, 0, 0, 0, 3, 2, 2, 0, 0, 0, 0, 0, 0, 0, 2, 1, 1},
		},
	}, {
		name: "the first fifty rows", id: "R5", coarse: true, given: map[string]string{"window": "2017", "region": "32"}, cells: []string{"checked", "failed"},
		world: enginetest.World{"person": {{"psn_key": a}}, "coverage": {insured(a, 0, 47, "employee")}, "settlement": fine(60)},
		want:  map[string][]int64{"": {1, 50, 50, 50, 50, 50, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0}},
	}} {
		t.Run(h.id+" "+h.name, func(t *testing.T) { checkHandmade(t, h) })
	}
}
