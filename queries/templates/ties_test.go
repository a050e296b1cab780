//go:build duckdb_arrow

package templates_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries/enginetest"
)

var (
	orderedWindow = regexp.MustCompile(`(?s)(row_number|rank|dense_rank|percent_rank|cume_dist|ntile|lag|lead|first_value|last_value|nth_value)\([^()]*\)\s*OVER|OVER \([^()]*\bROWS\b`)
	overClause    = regexp.MustCompile(`(?s)OVER \(((?:[^()]|\([^()]*(?:\([^()]*\))?[^()]*\))*)\)`)
	newName       = regexp.MustCompile(`\bAS\s+"?(\w+)"?`)
	source        = regexp.MustCompile(`\b(?:FROM|JOIN)\s+"?\w+"?`)
	column        = regexp.MustCompile(`(?:\b\w+\.)?("\w+"|\b[a-z]\w*\b)`)
	statement     = regexp.MustCompile(`(?s)SELECT.*?(?:\n\)|$)`)
)

// columns are the names in a piece of SQL that are no functions, parameters,
// texts, new names or tables.
func columns(sql string) (out []string) {
	sql = regexp.MustCompile(`'[^']*'|\$\w+|--[^\n]*`).ReplaceAllString(sql, " ")
	sql = source.ReplaceAllString(newName.ReplaceAllString(sql, " "), " ")
	sql = regexp.MustCompile(`\b\w+\(`).ReplaceAllString(sql, "(")
	for _, m := range column.FindAllStringSubmatch(sql, -1) {
		out = append(out, strings.Trim(m[1], `"`))
	}
	return out
}

// Rows that tie in a window are alike in everything the SELECT uses: DuckDB
// orders tied rows differently from run to run, and a person's answer would vary
// with who else is there.
func TestTiedRowsAreAlike(t *testing.T) {
	windows := 0
	for _, tpl := range load(t).Templates() {
		for _, s := range statement.FindAllString(tpl.SQL, -1) {
			if !orderedWindow.MatchString(s) {
				continue
			}
			for _, over := range overClause.FindAllStringSubmatch(s, -1) {
				windows++
				known := columns(over[1])
				for _, c := range columns(overClause.ReplaceAllString(s, " ")) {
					if !slices.Contains(known, c) {
						t.Errorf("%s: %s is used beside a window that orders by %v alone", tpl.Catalogue, c, known)
					}
				}
			}
		}
	}
	if windows < 30 {
		t.Errorf("only %d windows were found", windows)
	}
}

// turned has the rows of every table in the opposite order.
func turned(w enginetest.World) enginetest.World {
	out := enginetest.World{}
	for name, rows := range w {
		out[name] = slices.Clone(rows)
		slices.Reverse(out[name])
	}
	return out
}

// People with tied rows have one answer, whatever the order in which they come.
func TestTiesByHand(t *testing.T) {
	a := enginetest.Person(1)
	const met, ins = "A10BA02", "A10AE04"
	// Cover that is there three times, once under another scheme.
	cover := []enginetest.Row{covered(a, -100, 59), covered(a, -100, 59), insured(a, -100, 59, "employee"), covered(a, 60, 364), covered(a, 60, 364), covered(a, 60, 364), covered(a, 364, 400), covered(a, 364, 400)}
	person := []enginetest.Row{born(a, 195001)}
	twice := func(rows ...enginetest.Row) []enginetest.Row { return append(rows, rows...) }
	drugs := twice(fill(a, 0, met, 30), fill(a, 30, met, 60), fill(a, 30, ins, 30), fill(a, 30, ins, 90), fill(a, 150, met, 30))
	for _, h := range []handmade{{
		name: "cover", id: "P4", coarse: true, given: map[string]string{"window": "2017", "drugs": "metformin", "days": "90"}, cells: []string{"pdc/sum", "adherent"},
		want: map[string][]int64{"metformin": {1, 10_000 - 5000, 1}}, world: enginetest.World{"person": person, "coverage": cover, "fee_line": drugs},
	}, {
		name: "cover and fills", id: "P5", given: map[string]string{"window": "2017", "codes": "metformin", "washout": "10", "gap": "30"}, cells: []string{"persistence"},
		want: map[string][]int64{"": at(1, 74, 2*3+1)}, world: enginetest.World{"person": person, "coverage": cover, "fee_line": drugs},
	}, {
		name: "cover", id: "P6", given: map[string]string{"window": "2017", "codes": "hypertension", "outcome": "stroke", "washout": "10"}, cells: []string{"event_free"},
		want: map[string][]int64{"": at(1, 111, 3*10+1)}, world: enginetest.World{"person": person, "coverage": cover, "diagnosis": twice(record(a, 5, "I10"), record(a, 305, "I63.9"))},
	}, {
		name: "cover and fills of a day", id: "P7", coarse: true, given: map[string]string{"window": "2017", "classes": "metformin,insulins", "washout": "100", "gap": "60"},
		want: map[string][]int64{"metformin>insulins": {1}}, world: enginetest.World{"person": person, "coverage": cover, "fee_line": drugs},
	}, {
		name: "cover", id: "P9", coarse: true, given: map[string]string{"window": "2017", "codes": "stroke", "pre": "50", "post": "200"}, cells: []string{"cost"},
		want:  map[string][]int64{"pre": {1, 0, 0, 0, 0, 0, 0}, "post": {1, 14, 0, 0, 0, 0, 0}},
		world: enginetest.World{"person": person, "coverage": cover, "diagnosis": twice(record(a, 20, "I63.9")), "settlement": twice(bill(a, 1, 0, 20, enginetest.Row{"total_fen": int64(7)}))},
	}, {
		name: "cover", id: "H1", coarse: true, given: map[string]string{"window": "2017", "codes": "type-2-diabetes", "drugs": "metformin", "days": "120"}, cells: []string{"furthest"},
		want: map[string][]int64{"": {1, 1, 0, 0, 0, 0}}, world: enginetest.World{"person": person, "coverage": cover, "diagnosis": twice(record(a, 20, "E11.9"))},
	}, {
		name: "cover", id: "I7", coarse: true, given: map[string]string{"window": "2017", "illnesses": "critical-cancer"}, cells: []string{"first_cases", "person_days"},
		want: map[string][]int64{"60-74/female": {1, 0, 365}}, world: enginetest.World{"person": person, "coverage": cover},
	}, {
		name: "two records of one stay", id: "R4", given: map[string]string{"window": "2017", "gap": "9"}, cells: []string{"stays", "pairs"},
		want: map[string][]int64{"primary/unknown": {1, 1, 0}, "tertiary/unknown": {1, 2, 1}},
		world: enginetest.World{"person": person, "encounter": {
			stay(a, 1, 5, 5, enginetest.Row{"level": "tertiary", "inst_key": int64(7)}), stay(a, 1, 5, 5, enginetest.Row{"level": "primary", "inst_key": int64(8)}),
			stay(a, 2, 6, 8, enginetest.Row{"level": "tertiary", "inst_key": int64(7)})}},
	}, {
		name: "more than fifty bills of one key and day", id: "R5", coarse: true, given: map[string]string{"window": "2017"}, cells: []string{"checked", "failed"},
		want:  map[string][]int64{"": {1, 50, 50, 50, 50, 50, 0, 0, 0, 0, 0, 50, 50, 0, 0, 0, 0, 0, 0, 0, 0}},
		world: enginetest.World{"person": person, "coverage": cover, "settlement": tiedBills(a)},
	}} {
		t.Run(h.id+" "+h.name, func(t *testing.T) {
			checkHandmade(t, h)
			h.world = turned(h.world)
			checkHandmade(t, h)
		})
	}
}

// tiedBills are sixty bills that differ in the encounter alone: ten have none.
func tiedBills(k enginetest.Key) (out []enginetest.Row) {
	for i := range 60 {
		out = append(out, bill(k, 1, int64(min(i, 10)/10), 5, enginetest.Row{"total_fen": int64(3), "level": "primary"}))
	}
	return out
}
