package enginetest

import (
	"math/big"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/dptest"
	"github.com/qunxiang/qunxiang/queries"
)

// wide sums int64 without overflow.
type wide struct {
	sum big.Int
	n   int64
}

func (w *wide) add(v int64) { w.sum.Add(&w.sum, big.NewInt(v)); w.n++ }

// value is the sum, or NULL where it is no int64.
func (w *wide) value() int64 {
	if !w.sum.IsInt64() {
		return dp.Null
	}
	return w.sum.Int64()
}

func drawDiagnoses(rt *rapid.T) queries.CodeSet {
	return rapid.SampledFrom([]queries.CodeSet{
		nil,
		{"icd10": {Prefix: []string{"E11"}}},
		{"icd10": {Exact: []string{"E11"}}, "snomed": {Exact: []string{"44054006"}}},
		{"omop": {Exact: []string{"E1", "44054006"}}},
	}).Draw(rt, "codes")
}

// drawCover: one row per person from cover cut to the window, stays wholly
// inside it, and deaths within it; a survival measure; no keys, or one.
func drawCover(rt *rapid.T) (queries.Job, func(World) []dptest.Row) {
	from, to := drawWindow(rt)
	codes := drawDiagnoses(rt)
	axis := &queries.Bands{First: 0, Width: 30, Last: 360}
	columns := []queries.IntColumn{{Name: "days"}, {Name: "stays"}, {Name: "days", Bands: axis}, {Name: "died"}}
	s := spec(1, nil, []string{"days", "stays", "month", "died"},
		dp.Measure{Name: "days", Kind: dp.KindSum, Column: "days", RowLo: 0, RowHi: 1000, Lo: 0, Hi: 1000},
		dp.Measure{Name: "stays", Kind: dp.KindSum, Column: "stays", RowLo: 0, RowHi: 3, Lo: 0, Hi: 3},
		dp.Measure{Name: "treated", Kind: dp.KindRows, Column: "stays", Rows: 1},
		dp.Measure{Name: "curve", Kind: dp.KindSurvival, At: "month", Event: "died", Positions: axis.Labels()},
	)
	job := queries.Job{
		Views: []queries.View{
			{Name: "person", Table: "person", Columns: []string{"sex", "death_ym"}, From: from, To: to, AgeAt: from},
			{Name: "coverage", Table: "coverage", Columns: []string{"begn", "end"}, From: from, To: to},
			{Name: "encounter", Table: "encounter", Columns: []string{"begn"}, From: from, To: to, Codes: codes},
		},
		SQL: `WITH cover AS (SELECT psn_key, sum(date_diff('day', begn, "end") + 1) AS days FROM coverage GROUP BY psn_key),
		           stay AS (SELECT psn_key, count(*) AS stays FROM encounter GROUP BY psn_key)
		      SELECT p.psn_key, p.sex, c.days, s.stays, CASE WHEN p.death_ym IS NULL THEN 0 ELSE 1 END AS died
		      FROM person AS p JOIN cover AS c ON c.psn_key = p.psn_key LEFT JOIN stay AS s ON s.psn_key = p.psn_key`,
		Columns: columns, Spec: s,
	}
	keyed := rapid.Bool().Draw(rt, "keyed")
	if keyed {
		job.Keys = []queries.KeyColumn{{Name: "sex"}}
		job.Spec.Keys = []dp.Key{{Name: "sex", Values: []string{"female", "male"}}}
	}
	return job, func(w World) []dptest.Row {
		days, stays := map[Key]int64{}, map[Key]int64{}
		for _, c := range w["coverage"] {
			begn, end := later(c["begn"].(time.Time), from), earlier(c["end"].(time.Time), to)
			if !end.Before(begn) {
				days[keyOf(c)] += int64(end.Sub(begn)/(24*time.Hour)) + 1
			}
		}
		for _, e := range w["encounter"] {
			if in(e, "begn", from, to) && in(e, "end", from, to) && onList(e, codes, map[string]string{"": "main_dx"}, true) {
				stays[keyOf(e)]++
			}
		}
		var out []dptest.Row
		for _, p := range w["person"] {
			k := keyOf(p)
			if days[k] == 0 {
				continue
			}
			row := dptest.Row{Person: k, Values: []int64{days[k], dp.Null, band(days[k], columns[2]), 0}}
			if stays[k] > 0 {
				row.Values[1] = stays[k]
			}
			if d, ok := p["death_ym"].(int64); ok && d >= yearMonth(from) && d <= yearMonth(to) {
				row.Values[3] = 1
			}
			if keyed {
				row.Keys = []string{p["sex"].(string)}
			}
			out = append(out, row)
		}
		return out
	}
}

func yearMonth(t time.Time) int64 { return int64(t.Year())*100 + int64(t.Month()) }

// drawCases: a lookback before the window, bound dates, integers and lists, and
// a window function over one person's rows.
func drawCases(rt *rapid.T) (queries.Job, func(World) []dptest.Row) {
	from, to := drawWindow(rt)
	back := rapid.IntRange(0, 400).Draw(rt, "lookback")
	gap := rapid.Int64Range(0, 90).Draw(rt, "gap")
	levels := rapid.SampledFrom([][]string{{"tertiary"}, {"secondary", "primary", "o'hara"}}).Draw(rt, "levels")
	codes := drawDiagnoses(rt)
	years := &queries.Bands{First: int64(from.Year()), Width: 1, Last: int64(to.Year()), Closed: true}
	s := spec(rapid.IntRange(1, 2).Draw(rt, "l0"), []dp.Key{{Name: "year", Values: years.Labels()}}, []string{"fresh"},
		dp.Measure{Name: "fresh", Kind: dp.KindSum, Column: "fresh", RowLo: 0, RowHi: 1, Lo: 0, Hi: 3},
		dp.Measure{Name: "known", Kind: dp.KindRows, Column: "fresh", Rows: 2},
	)
	job := queries.Job{
		Views: []queries.View{{Name: "dx", Table: "diagnosis", Columns: []string{"date", "level"}, From: from.AddDate(0, 0, -back), To: to, Codes: codes}},
		SQL: `WITH runs AS (
		        SELECT psn_key, date, level, lag(date) OVER (PARTITION BY psn_key ORDER BY date, level) AS before FROM dx
		      )
		      SELECT psn_key, year(date) AS year, CASE WHEN before IS NULL THEN NULL WHEN date > before + $gap THEN 1 ELSE 0 END AS fresh
		      FROM runs WHERE date >= $window_from AND list_contains($levels, level)`,
		Args:    map[string]any{"gap": gap, "window_from": from, "window_to": to, "levels": levels},
		Keys:    []queries.KeyColumn{{Name: "year", Bands: years}},
		Columns: []queries.IntColumn{{Name: "fresh"}}, Spec: s,
	}
	return job, func(w World) []dptest.Row {
		runs := map[Key][]Row{}
		for _, d := range w["diagnosis"] {
			if in(d, "date", from.AddDate(0, 0, -back), to) && onList(d, codes, map[string]string{"": "dx_code"}, true) {
				runs[keyOf(d)] = append(runs[keyOf(d)], d)
			}
		}
		var out []dptest.Row
		for k, rows := range runs {
			slices.SortFunc(rows, func(a, b Row) int {
				if c := a["date"].(time.Time).Compare(b["date"].(time.Time)); c != 0 {
					return c
				}
				return strings.Compare(a["level"].(string), b["level"].(string))
			})
			for i, d := range rows {
				day := d["date"].(time.Time)
				if day.Before(from) || !slices.Contains(levels, d["level"].(string)) {
					continue
				}
				fresh := int64(dp.Null)
				if i > 0 {
					fresh = 0
					if day.After(rows[i-1]["date"].(time.Time).AddDate(0, 0, int(gap))) {
						fresh = 1
					}
				}
				out = append(out, dptest.Row{Person: k, Keys: []string{years.Labels()[years.Position(int64(day.Year()))]}, Values: []int64{fresh}})
			}
		}
		return out
	}
}
