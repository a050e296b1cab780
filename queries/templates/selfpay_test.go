//go:build duckdb_arrow

package templates_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries/enginetest"
)

func TestSelfPayOracle(t *testing.T) {
	checkOracle(t, oracle{
		id: "I9", given: map[string]string{"window": "2017-01-01..2017-03-31", "insutype": "employee", "codes": "stroke,critical-cancer"}, coarse: true, cells: []string{"paid"},
		unbound: `SELECT count(*) FROM (SELECT psn_key FROM fee_line WHERE year(date) = 2017 GROUP BY 1 HAVING sum(amt_fen) > 20000000)`,
		exact: `WITH e AS (SELECT DISTINCT psn_key, mdtrt_key FROM encounter WHERE med_type IN ('21', '28') AND insutype = 'employee' AND begn >= DATE '2017-01-01' AND "end" < DATE '2017-04-01'
		  AND (main_dx SIMILAR TO 'I6[0134].*' OR main_dx[:1] = 'C' AND main_dx[:3] NOT IN ('C44', 'C73'))),
		f AS (SELECT e.psn_key, chrg_type AS c, amt_fen - inscope_fen AS x FROM e LEFT JOIN (FROM fee_line WHERE date < DATE '2017-04-01' AND date >= DATE '2017-01-01') USING (psn_key, mdtrt_key))
		SELECT count(DISTINCT psn_key), ` + charges("c = '%02d'") + `, coalesce(sum(x) FILTER (c = 'unknown'), 0)::BIGINT FROM f`,
	})
}

func TestSelfPayByHand(t *testing.T) {
	a, b := enginetest.Person(1), enginetest.Person(2)
	line := func(k enginetest.Key, encounter int64, day int, charge string, amount, inScope int64) enginetest.Row {
		return enginetest.Row{"psn_key": k, "mdtrt_key": encounter, "date": enginetest.Day(day), "chrg_type": charge, "amt_fen": amount, "inscope_fen": inScope}
	}
	of := func(people int64, parts map[int]int64) []int64 {
		out := make([]int64, 16)
		out[0] = people
		for charge, x := range parts {
			out[charge] = x
		}
		return out
	}
	for _, h := range []handmade{{
		name: "nobody", id: "I9", given: map[string]string{"window": "2017"}, cells: []string{"paid"}, want: map[string][]int64{},
	}, {
		name: "lines of one stay, of no stay, in scope beyond the amount, an unknown charge", id: "I9", given: map[string]string{"window": "2017"}, cells: []string{"paid"},
		world: enginetest.World{
			"person":    {{"psn_key": a}, {"psn_key": b}},
			"encounter": {stay(a, 1, 0, 5, enginetest.Row{"level": "tertiary"}), stay(a, 2, 364, 365, nil), stay(b, 3, 9, 9, enginetest.Row{"level": "tertiary"})},
			"fee_line": {
				line(a, 1, 0, "09", 500, 200), line(a, 1, 3, "09", 50, 40), line(a, 1, 3, "01", 100, 150), line(a, 1, 3, "99", 7, 0),
				line(a, 2, 364, "09", 1000, 0), line(a, 0, 3, "09", 1000, 0), line(b, 4, 9, "14", 1000, 0),
			},
		},
		want: map[string][]int64{"tertiary": of(2, map[int]int64{9: 310, 15: 7})},
	}, {
		name: "above the bound all parts shrink alike", id: "I9", given: map[string]string{"window": "2017", "amount": "total"}, coarse: true, cells: []string{"paid"},
		world: enginetest.World{
			"person":    {{"psn_key": a}},
			"encounter": {stay(a, 1, 0, 5, nil), stay(a, 2, 3, 5, nil)},
			"fee_line":  {line(a, 1, 0, "08", 15_000_000, 9), line(a, 2, 3, "08", 3_000_000, 9), line(a, 2, 3, "06", 12_000_000, 9)},
		},
		want: map[string][]int64{"": of(1, map[int]int64{8: 12_000_000, 6: 8_000_000})},
	}} {
		t.Run(h.id+" "+h.name, func(t *testing.T) { checkHandmade(t, h) })
	}
}

// charges is a sum of x for each of the 14 types of charge.
func charges(condition string) string {
	var out []string
	for i := range 14 {
		out = append(out, fmt.Sprintf("coalesce(sum(x) FILTER ("+condition+"), 0)::BIGINT", i+1))
	}
	return strings.Join(out, ", ")
}
