//go:build duckdb_arrow

package templates_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries/enginetest"
)

// octaves is the SQL of the cells of I4's tree: 16 coarse, then 256 fine bins of
// selfpay, after the rule that dp states for Octaves.
func octaves() string {
	const width = 50_000_000 >> 15
	var edges, cells []string
	for j := range 16 {
		low, step := 0, width
		if j > 0 {
			low, step = width<<(j-1), width<<(j-1)
		}
		for i := range 16 {
			edges = append(edges, fmt.Sprint(low+(i*step+15)/16))
		}
	}
	edges = append(edges, "9000000000000000000")
	between := func(a, b int) string {
		return fmt.Sprintf("count(*) FILTER (selfpay >= %s AND selfpay < %s)", edges[a], edges[b])
	}
	for b := 0; b < 256; b += 16 {
		cells = append(cells, between(b, b+16))
	}
	for b := range 256 {
		cells = append(cells, between(b, b+1))
	}
	return strings.Join(cells, ", ")
}

// tree is one person in one fine bin.
func tree(bins ...int) []int64 {
	out := make([]int64, 272)
	for _, b := range bins {
		out[b/16]++
		out[16+b]++
	}
	return out
}

func TestInsurerOracles(t *testing.T) {
	for _, o := range insurerOracles() {
		t.Run(o.id, func(t *testing.T) { checkOracle(t, o) })
	}
}

func insurerOracles() []oracle {
	const ages = `p AS (SELECT psn_key, sex, (2017 * 12 - (birth_ym // 100 * 12 + birth_ym % 100 - 1)) // 12 AS age FROM person WHERE birth_ym IS NOT NULL)`
	return []oracle{{
		id: "I2", given: map[string]string{"window": "2017"}, cells: []string{"claims", "person_days"},
		exact: `WITH cov AS (SELECT psn_key, sum(date_diff('day', greatest(begn, DATE '2017-01-01'), least("end", DATE '2017-12-31')) + 1) AS d
		  FROM coverage WHERE begn <= DATE '2017-12-31' AND "end" >= DATE '2017-01-01' GROUP BY 1),
		cl AS (SELECT psn_key, count(*) AS c FROM encounter WHERE begn >= DATE '2017-01-01' AND "end" <= DATE '2017-12-31' AND med_type = '21' GROUP BY 1),
		` + ages + `
		SELECT CASE WHEN age >= 90 THEN '90+' ELSE (age // 5 * 5) || '-' || (age // 5 * 5 + 4) END, sex,
		  count(*), sum(least(6, coalesce(c, 0)))::BIGINT, sum(least(366, d))::BIGINT
		FROM cov JOIN p USING (psn_key) LEFT JOIN cl USING (psn_key) WHERE age >= 0 GROUP BY 1, 2`,
	}, {
		id: "I3", given: map[string]string{"window": "2017-01-01..2017-02-28", "amount": "person"}, cells: []string{"severity/sum", "severity/rows"},
		unbound: `SELECT count(*) FROM (SELECT psn_key FROM settlement WHERE med_type = '21' AND setl_date BETWEEN DATE '2017-01-01' AND DATE '2017-02-28'
		  GROUP BY 1 HAVING count(DISTINCT level) > 2 OR count(*) > 6)`,
		exact: `WITH ` + ages + `, claims AS (SELECT psn_key, mdtrt_key, level, sum(psn_fen)::BIGINT AS x FROM settlement
		  WHERE med_type = '21' AND year(setl_date) = 2017 AND month(setl_date) <= 2 GROUP BY 1, 2, 3),
		person_group AS (SELECT psn_key, level, count(*) AS n, sum(least(20000000, greatest(0, x)) - 1400000)::BIGINT AS s FROM claims GROUP BY 1, 2)
		SELECT CASE WHEN age >= 80 THEN '80+' ELSE (greatest(age, 0) // 10 * 10) || '-' || (greatest(age, 0) // 10 * 10 + 9) END, level,
		  count(*), sum(greatest(-8400000, least(18600000, s)))::BIGINT, sum(n)::BIGINT
		FROM person_group JOIN p USING (psn_key) GROUP BY 1, 2`,
	}, {
		id: "I4", given: map[string]string{"window": "2017", "base": "insured"}, coarse: true, cells: []string{"selfpay"},
		exact: `WITH ` + ages + `, paid AS (SELECT psn_key, sum(psn_fen)::BIGINT AS s FROM settlement WHERE year(setl_date) = 2017 GROUP BY 1),
		one AS (SELECT psn_key, greatest(age, 0) AS age, least(50000000, coalesce(s, 0)) AS selfpay FROM p LEFT JOIN paid USING (psn_key)
		  WHERE psn_key IN (SELECT psn_key FROM coverage WHERE begn <= DATE '2017-12-31' AND "end" >= DATE '2017-01-01'))
		SELECT CASE WHEN age >= 60 THEN '60+' WHEN age >= 30 THEN '30-59' ELSE '0-29' END, count(*), ` + octaves() + ` FROM one GROUP BY 1`,
	}, {
		id: "I8", given: map[string]string{"window": "2017-01-01..2017-03-31", "codes": "any"}, cells: []string{"stays", "mean_los/sum", "mean_los/rows"},
		unbound: `SELECT count(*) FROM (SELECT psn_key FROM encounter WHERE med_type = '21' AND begn BETWEEN DATE '2017-01-01' AND DATE '2017-03-31'
		  GROUP BY 1 HAVING count(DISTINCT level) > 2 OR count(*) > 6)`,
		exact: `WITH e AS (SELECT psn_key, level, los_d AS l FROM encounter WHERE med_type = '21' AND begn >= DATE '2017-01-01' AND "end" < DATE '2017-04-01')
		SELECT level, count(DISTINCT psn_key), count(*) FILTER (l = 0), count(*) FILTER (l = 1), count(*) FILTER (l = 2), count(*) FILTER (l IN (3, 4)),
		  count(*) FILTER (l IN (5, 6)), count(*) FILTER (l IN (7, 8, 9)), count(*) FILTER (l > 9 AND l < 14), count(*) FILTER (l > 13 AND l < 21),
		  count(*) FILTER (l > 20 AND l < 30), count(*) FILTER (l > 29 AND l < 60), count(*) FILTER (l > 59 AND l < 90), count(*) FILTER (l > 89),
		  sum(l - 9)::BIGINT, count(*) FROM e GROUP BY 1`,
	}}
}

// stay, bill and insured are rows of one person, with what a case varies.
func stay(k enginetest.Key, key int64, begn, end int, more enginetest.Row) enginetest.Row {
	r := enginetest.Row{"psn_key": k, "mdtrt_key": key, "med_type": "21", "begn": enginetest.Day(begn), "end": enginetest.Day(end), "los_d": int64(end - begn)}
	for c, v := range more {
		r[c] = v
	}
	return r
}

func bill(k enginetest.Key, key, encounter int64, day int, more enginetest.Row) enginetest.Row {
	r := enginetest.Row{"psn_key": k, "setl_key": key, "mdtrt_key": encounter, "med_type": "21", "setl_date": enginetest.Day(day)}
	for c, v := range more {
		r[c] = v
	}
	return r
}

func insured(k enginetest.Key, begn, end int, scheme string) enginetest.Row {
	return enginetest.Row{"psn_key": k, "insutype": scheme, "begn": enginetest.Day(begn), "end": enginetest.Day(end)}
}

func TestInsurerByHand(t *testing.T) {
	a, b := enginetest.Person(1), enginetest.Person(2)
	year := map[string]string{"window": "2017"}
	for _, h := range []handmade{{
		name: "nobody", id: "I2", given: year, world: enginetest.World{}, cells: []string{"claims", "person_days"}, want: map[string][]int64{},
	}, {
		name: "stays at the window's edges", id: "I2", given: year, cells: []string{"claims", "person_days"},
		world: enginetest.World{
			"person":   {{"psn_key": a, "sex": "male", "birth_ym": int64(198001)}},
			"coverage": {insured(a, -400, 9, "unknown"), insured(a, 360, 900, "unknown")},
			"encounter": {
				stay(a, 1, 0, 0, nil), stay(a, 2, -1, 3, nil), stay(a, 3, 364, 364, nil), stay(a, 4, 364, 365, nil),
			},
		},
		want: map[string][]int64{"35-39/male": {1, 2, 15}},
	}, {
		name: "interim bills are one claim, bills of no encounter each their own", id: "I3", given: year, cells: []string{"severity/sum", "severity/rows"},
		world: enginetest.World{
			"person": {{"psn_key": a, "birth_ym": int64(195001)}, {"psn_key": b}},
			"settlement": {
				bill(a, 1, 7, 0, enginetest.Row{"total_fen": int64(1_000_000), "level": "tertiary"}),
				bill(a, 2, 7, 364, enginetest.Row{"total_fen": int64(600_000), "level": "tertiary"}),
				bill(a, 3, 0, 5, enginetest.Row{"total_fen": int64(100), "level": "tertiary"}),
				bill(a, 4, 0, 5, enginetest.Row{"total_fen": int64(100), "level": "tertiary"}),
				bill(a, 5, 8, 365, enginetest.Row{"total_fen": int64(100), "level": "tertiary"}),
				bill(a, 6, 9, -1, enginetest.Row{"total_fen": int64(100), "level": "tertiary"}),
				bill(a, 7, 10, 3, enginetest.Row{"total_fen": int64(30_000_000), "level": "unknown"}),
				bill(a, 8, 11, 3, enginetest.Row{"total_fen": int64(5), "med_type": "11", "level": "tertiary"}),
				bill(b, 9, 12, 3, enginetest.Row{"total_fen": int64(5), "level": "tertiary"}),
			},
		},
		want: map[string][]int64{"60-69/tertiary": {1, 200_000 - 2*1_399_900, 3}, "60-69/unknown": {1, 18_600_000, 1}},
	}, {
		name: "most days choose the scheme, the clamp the last bin", id: "I4", given: map[string]string{"window": "2017", "base": "insured"}, cells: []string{"selfpay"},
		world: enginetest.World{
			"person":     {{"psn_key": a, "birth_ym": int64(195001)}, {"psn_key": b, "birth_ym": int64(201801)}},
			"coverage":   {insured(a, -100, 9, "employee"), insured(a, 300, 900, "resident"), insured(b, 364, 900, "other")},
			"settlement": {bill(a, 1, 0, 0, enginetest.Row{"psn_fen": int64(30_000_000)}), bill(a, 2, 0, 364, enginetest.Row{"psn_fen": int64(30_000_000)}), bill(a, 3, 0, 365, enginetest.Row{"psn_fen": int64(1)})},
		},
		want: map[string][]int64{"60-69/resident": append([]int64{1}, tree(255)...), "0-9/other": append([]int64{1}, tree(0)...)},
	}, {
		name: "claimants alone", id: "I4", given: year, cells: []string{"selfpay"},
		world: enginetest.World{
			"person":     {{"psn_key": a, "birth_ym": int64(195001)}, {"psn_key": b, "birth_ym": int64(195001)}},
			"coverage":   {insured(a, 0, 9, "employee"), insured(b, 0, 9, "employee")},
			"settlement": {bill(a, 1, 0, 0, enginetest.Row{"psn_fen": int64(1525)}), bill(b, 2, 0, 0, enginetest.Row{"psn_fen": int64(0)})},
		},
		want: map[string][]int64{"60-69/employee": append([]int64{1}, tree(16)...)},
	}, {
		name: "overlapping stays, borders, long stays, an unknown level", id: "I8", given: map[string]string{"window": "2017", "codes": "any"}, coarse: true, cells: []string{"stays", "mean_los/sum", "mean_los/rows"},
		world: enginetest.World{
			"person": {{"psn_key": a, "death_ym": int64(201706)}, {"psn_key": b}},
			"encounter": {
				stay(a, 1, 0, 10, nil), stay(a, 2, 5, 8, nil), stay(a, 3, 360, 365, nil), stay(a, 4, -1, 2, nil),
				stay(a, 5, 100, 364, enginetest.Row{"level": "primary"}), stay(b, 6, 3, 3, enginetest.Row{"med_type": "11"}),
			},
		},
		want: map[string][]int64{"": {1, 0, 1, 1, 0, 1, 1 - 6 + 171, 3}},
	}} {
		t.Run(h.id+" "+h.name, func(t *testing.T) { checkHandmade(t, h) })
	}
}
