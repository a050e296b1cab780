package queries

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/dptest"
)

// workshop is a template with every kind of measure and derived number.
const workshop = `
id: workshop
version: 1.0.0
catalogue: I6
title: {en: Workshop, zh: 测试}
description: {en: For tests, zh: 测试用}
audiences: [insurer]
purposes: [pricing]
parameters:
  - {name: window, type: window, max: 1096, default: 2017-01-01..2017-06-30, description: {en: w, zh: w}}
  - {name: event, type: date, default: 2017-04-15, description: {en: e, zh: e}}
  - {name: premium, type: amounts, min: 1, max: 100000, count: 2, unit: fen, default: "300,500", description: {en: p, zh: p}}
  - {name: layers, type: layers, min: 0, max: 100000, unit: fen, default: "1000xs500,2000xs1500", description: {en: l, zh: l}}
reads:
  - {view: settlement, window: window, columns: [psn_key, psn_fen]}
keys:
  - {name: age, values: [young, old]}
  - {name: path, values: [A, A>B, A>B>A]}
l0: 1
measures:
  - {name: fee, title: {en: f, zh: f}, kind: sum, unit: fen, column: fee, clamp: [0, 1000], reference: 100, reference_people: 1000}
  - {name: days, title: {en: d, zh: d}, kind: sum, unit: days, column: days, clamp: [0, 366], reference: 200, reference_people: 1000}
  - {name: step, title: {en: s, zh: s}, kind: histogram, unit: people, rows: 1, reference: 0.3, reference_people: 1000, axis: {column: step, values: [seen, tested, treated], unit: step}}
  - {name: monthly, title: {en: m, zh: m}, kind: series, unit: fen, column: fee, clamp: [0, 1000], total: [0, 1000], max_positions: 6, reference: 50, reference_people: 1000, axis: {column: month, months: window, unit: month}}
  - {name: visits, title: {en: v, zh: v}, kind: histogram, unit: visits, rows: 3, reference: 0.3, reference_people: 1000, axis: {column: month, months: window, unit: month}}
  - {name: used, title: {en: u, zh: u}, kind: series, unit: ten-thousandths, column: used, clamp: [0, 10000], total: [0, 10000], total_at_parameter: layers, max_positions: 2, reference: 500, reference_people: 1000, axis: {column: layer, layers: layers, unit: layer}}
  - {name: structure, title: {en: c, zh: c}, kind: vector, unit: fen, column: fee, clamp: [0, 1000], total: [0, 2000], reference: 50, reference_people: 1000, axis: {column: category, values: [drug, bed, lab], unit: category}}
  - {name: cost, title: {en: c, zh: c}, kind: spread, unit: fen, column: fee, clamp: [0, 1000], total: [-300, 900], centre: 100, rows: 2, rows_name: bills, unit2: 10, total2: 9000, reference: 120, reference_sd: 80, reference_people: 1000}
  - {name: curve, title: {en: k, zh: k}, kind: survival, competing: true, unit: probability, event: event, reference: 0.5, reference_people: 1000, axis: {column: month, months: window, unit: month}}
derived:
  - {name: rate, title: {en: r, zh: r}, kind: ratio, of: fee, by: days, scale: 365, unit: fen per year}
  - {name: monthly_rate, title: {en: r, zh: r}, kind: ratio, of: monthly, by: visits, scale: 1, unit: fen per visit}
  - {name: each, title: {en: r, zh: r}, kind: ratio, of: structure, by: people, scale: 1, unit: fen per person}
  - {name: reached, title: {en: r, zh: r}, kind: funnel, of: step, unit: people}
  - {name: change, title: {en: r, zh: r}, kind: change, of: monthly, position_parameter: event, unit: fen}
  - {name: change_share, title: {en: r, zh: r}, kind: change, of: visits, position: 2, relative: true, unit: ratio}
  - {name: loss, title: {en: r, zh: r}, kind: loss_ratio, of: fee, by: people, key: age, factors_parameter: premium, unit: ratio}
  - {name: burning, title: {en: r, zh: r}, kind: times, of: used, factors_parameter: layers, unit: fen}
  - {name: burning_each, title: {en: r, zh: r}, kind: ratio, of: burning, by: people, scale: 1, unit: fen}
  - {name: by_age, title: {en: r, zh: r}, kind: totals, within: [age]}
  - {name: whole, title: {en: r, zh: r}, kind: totals}
  - {name: sankey, title: {en: r, zh: r}, kind: flows, key: path}
reach: 1000
coarse:
  l0: 1
  keys:
    path: {drop: true}
`

func workshopWith(t *testing.T, edits ...string) (*Template, error) {
	t.Helper()
	text := workshop
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			t.Fatalf("nothing to edit: %q", edits[i])
		}
		text = strings.Replace(text, edits[i], edits[i+1], 1)
	}
	return ParseTemplate("workshop.yaml", []byte(text), []byte("SELECT 1"))
}

func workshopQuestion(t *testing.T, coarse bool, given map[string]string) (*Question, error) {
	t.Helper()
	tpl, err := workshopWith(t)
	if err != nil {
		t.Fatal(err)
	}
	return (&Catalog{}).Compile(tpl, coarse, given, Source{Snapshot: "s", MaxRows: 1000})
}

// rowsOf makes people in every group, from one generator; the columns are those
// of the compiled question.
func rowsOf(q *Question, people int) []dptest.Row {
	r := rand.New(rand.NewPCG(12, 12))
	rows := []dptest.Row{}
	for a, age := range []string{"young", "old"} {
		for p, path := range []string{"A", "A>B", "A>B>A"} {
			for i := range people / (1 + p) {
				for range 2 {
					row := dptest.Row{Person: dptest.Person(fmt.Sprint(a, p, i)), Keys: []string{age, path}[:len(q.Job.Spec.Keys)]}
					for _, c := range q.Job.Columns {
						row.Values = append(row.Values, map[string]int64{
							"fee": r.Int64N(300), "days": 90, "step": r.Int64N(3), "month": r.Int64N(6), "used": r.Int64N(5000),
							"layer": r.Int64N(2), "category": r.Int64N(3), "event": r.Int64N(3),
						}[c.Name])
					}
					rows = append(rows, row)
				}
			}
		}
	}
	return rows
}

func releaseExact(t *testing.T, q *Question, rows []dptest.Row) (Release, *dp.Table) {
	t.Helper()
	q.Job.Spec.K = 20
	plan, err := dp.Price(q.Job.Spec, dp.Want{Rho: 2}, dp.DeltaRule{Fixed: 1e-9})
	if err != nil {
		t.Fatal(err)
	}
	tot, err := dp.NewTotals(q.Job.Spec)
	if err != nil {
		t.Fatal(err)
	}
	dptest.Fill(t, tot, rows)
	table := dptest.ReleaseExact(t, tot, plan)
	q.derive(table)
	r := Release{Groups: q.groups(table)}
	q.addTotals(&r, table)
	return r, table
}

func valueOf(t *testing.T, measures map[string]ReleasedValue, name string, at ...int) float64 {
	t.Helper()
	m, ok := measures[name]
	if !ok {
		t.Fatalf("no %s among %d measures", name, len(measures))
	}
	if len(at) > 0 {
		return m.Values[at[0]].Value
	}
	return m.Number.Value
}

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if !(math.Abs(got-want) <= 1e-8*math.Max(1, math.Abs(want))) {
		t.Errorf("%s is %.12g, want %.12g", what, got, want)
	}
}

// The whole way without noise: every derived number is the plain one of the
// numbers beside it.
func TestDerivedNumbersOfAGroup(t *testing.T) {
	q, err := workshopQuestion(t, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := releaseExact(t, q, rowsOf(q, 6000))
	for _, g := range r.Groups {
		if g.Suppressed {
			t.Fatal("a group of 2,000 is suppressed")
		}
		v := func(name string, at ...int) float64 { return valueOf(t, g.Measures, name, at...) }
		people := v("people")
		near(t, "rate", v("rate"), v("fee")/v("days")*365)
		near(t, "monthly rate", v("monthly_rate", 2), v("monthly", 2)/v("visits", 2))
		near(t, "each", v("each", 1), v("structure", 1)/people)
		near(t, "reached", v("reached", 0), v("step", 0)+v("step", 1)+v("step", 2))
		near(t, "conversion", v("reached_conversion", 0), v("reached", 1)/v("reached", 0))
		month := func(i int) float64 { return v("monthly", i) }
		near(t, "change", v("change"), (month(3)+month(4)+month(5))/3-(month(0)+month(1)+month(2))/3)
		visit := func(i int) float64 { return v("visits", i) }
		near(t, "relative change", v("change_share"), (visit(2)+visit(3)+visit(4)+visit(5))/4/((visit(0)+visit(1))/2))
		near(t, "loss ratio", v("loss"), v("fee")/people/map[string]float64{"young": 300, "old": 500}[g.Keys["age"]])
		near(t, "burning cost", v("burning", 1), v("used", 1)*2000)
		near(t, "burning cost each", v("burning_each", 0), v("used", 0)*1000/people)
		for _, name := range []string{"cost", "cost_sd", "cost_cv", "bills", "curve", "curve_incidence"} {
			if _, ok := g.Measures[name]; !ok {
				t.Errorf("no %s", name)
			}
		}
		near(t, "coefficient", v("cost_cv"), v("cost_sd")/v("cost"))
	}
}

// Totals are exact sums of what is shown, sub-totals of them agree, and derived
// numbers of a total are made of its sums.
func TestTotalsAgree(t *testing.T) {
	q, err := workshopQuestion(t, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	rows := rowsOf(q, 6000)
	few := []dptest.Row{} // a group of ten people is hidden
	for _, row := range rows {
		if row.Keys[0] != "old" || row.Keys[1] != "A" || row.Person[5] == 0 {
			few = append(few, row)
		}
	}
	r, _ := releaseExact(t, q, few)
	if len(r.Totals) != 3 || r.Totals[0].Keys["age"] != "young" || r.Totals[1].Keys["age"] != "old" || len(r.Totals[2].Keys) != 0 {
		t.Fatalf("totals %+v", r.Totals)
	}
	if r.Totals[0].Groups != 3 || r.Totals[1].Groups != 2 || r.Totals[1].Suppressed != 1 || r.Totals[2].Groups != 5 {
		t.Errorf("groups of totals: %+v", r.Totals)
	}
	for _, name := range []string{"people", "fee", "days", "bills"} {
		sum := 0.0
		for _, g := range r.Groups {
			if !g.Suppressed {
				sum += valueOf(t, g.Measures, name)
			}
		}
		if got := valueOf(t, r.Totals[2].Measures, name); got != sum {
			t.Errorf("%s: total %g, the shown groups add up to %g", name, got, sum)
		}
		if got := valueOf(t, r.Totals[0].Measures, name) + valueOf(t, r.Totals[1].Measures, name); got != sum {
			t.Errorf("%s: sub-totals add up to %g, the total is %g", name, got, sum)
		}
	}
	whole := r.Totals[2].Measures
	near(t, "rate", valueOf(t, whole, "rate"), valueOf(t, whole, "fee")/valueOf(t, whole, "days")*365)
	near(t, "each", valueOf(t, whole, "each", 2), valueOf(t, whole, "structure", 2)/valueOf(t, whole, "people"))
	near(t, "loss", valueOf(t, whole, "loss"), valueOf(t, whole, "fee")/
		(300*valueOf(t, r.Totals[0].Measures, "people")+500*valueOf(t, r.Totals[1].Measures, "people")))
	near(t, "burning", valueOf(t, whole, "burning", 1), valueOf(t, whole, "used", 1)*2000)
	for _, name := range []string{"cost", "cost_sd", "curve", "curve_incidence"} {
		if _, ok := whole[name]; ok {
			t.Errorf("%s does not add up, yet has a total", name)
		}
	}
	if len(r.Notes) != 1 || r.Notes[0] != totalsNote {
		t.Errorf("notes %v", r.Notes)
	}
	r.Select(map[string]string{"age": "old"})
	if len(r.Totals) != 1 || r.Totals[0].Keys["age"] != "old" || r.Flows != nil {
		t.Errorf("of the selection: %+v, %+v", r.Totals, r.Flows)
	}
}

// Numbers of ten digits are shown to nine; totals add what is shown.
func TestTotalsAddWhatIsShown(t *testing.T) {
	q, err := workshopQuestion(t, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	table := &dp.Table{}
	for i, path := range []string{"A", "A>B", "A>B>A"} {
		fee := 12_345_678_906.0 + float64(i)
		table.Groups = append(table.Groups, dp.Group{Keys: []string{"old", path}, Measures: []dp.Measured{
			{Name: "people", Value: 100, Low: 90, High: 110}, {Name: "fee", Value: fee, Low: fee - 1e6, High: fee + 1e6},
		}})
	}
	r := Release{Groups: q.groups(table)}
	q.addTotals(&r, table)
	shown := 0.0
	for _, g := range r.Groups {
		shown += g.Measures["fee"].Number.Value
	}
	total := r.Totals[0].Measures["fee"].Number
	if total.Value != shown || shown == 3*12_345_678_907 {
		t.Errorf("total %f, shown %f", total.Value, shown)
	}
	if w := (total.High - total.Low) / 2; math.Abs(w/1e6-math.Sqrt(3)) > 1e-3 {
		t.Errorf("half-width %g, want sqrt(3) of a million", w)
	}
}

// Paths give the people of each step; a hidden path is in none.
func TestFlowsByHand(t *testing.T) {
	q, err := workshopQuestion(t, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	table := &dp.Table{}
	add := func(age, path string, people float64) {
		g := dp.Group{Keys: []string{age, path}, Suppressed: people == 0}
		if people > 0 {
			g.Measures = []dp.Measured{{Name: "people", Value: people, Low: people - 3, High: people + 3}}
		}
		table.Groups = append(table.Groups, g)
	}
	add("young", "A", 100)
	add("young", "A>B", 0)
	add("young", "A>B>A", 50)
	add("old", "A>B", 40)
	add("old", "A>B>A", 30)
	got, err := json.Marshal(q.flows(table, "path"))
	if err != nil {
		t.Fatal(err)
	}
	want := `[{"step":0,"from":"","to":"A","people":{"value":220,"low":214,"high":226}},` +
		`{"step":1,"from":"A","to":"B","people":{"value":120,"low":114.803848,"high":125.196152}},` +
		`{"step":2,"from":"B","to":"A","people":{"value":80,"low":75.7573593,"high":84.2426407}}]`
	if string(got) != want {
		t.Errorf("flows %s\nwant  %s", got, want)
	}
	coarse, err := workshopQuestion(t, true, nil)
	if err != nil {
		t.Fatal(err)
	}
	r, _ := releaseExact(t, coarse, rowsOf(coarse, 6000))
	if len(r.Flows) != 0 || len(r.Totals) != 3 {
		t.Errorf("without paths: %d flows, %d totals", len(r.Flows), len(r.Totals))
	}
}

// Public numbers that do not fit are refused when the question is compiled,
// before anything is charged.
func TestDerivedParametersAreRefused(t *testing.T) {
	for name, given := range map[string]map[string]string{
		"event in the first month": {"event": "2017-01-10"},
		"event before the window":  {"event": "2016-05-01"},
		"event after the window":   {"event": "2018-05-01"},
		"one premium":              {"premium": "300"},
		"three premiums":           {"premium": "300,400,500"},
		"premium of nothing":       {"premium": "300,0"},
	} {
		if _, err := workshopQuestion(t, false, given); !errors.Is(err, ErrParameter) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := workshopQuestion(t, false, map[string]string{"event": "2017-06-30", "premium": "1,2"}); err != nil {
		t.Errorf("the last month: %v", err)
	}
}

// Fixed factors that do not fit the axis or key of the variant are refused too.
func TestFixedFactorsMustFit(t *testing.T) {
	for name, edit := range map[string][2]string{
		"premiums": {"key: age, factors_parameter: premium", "key: age, factors: [1, 2, 3]"},
		"layers":   {"of: used, factors_parameter: layers", "of: used, factors: [1]"},
	} {
		tpl, err := workshopWith(t, edit[0], edit[1])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := (&Catalog{}).Compile(tpl, false, nil, Source{Snapshot: "s", MaxRows: 1000}); !errors.Is(err, ErrTemplate) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every new bound of a template reaches the question that is priced.
func TestBoundsReachTheSpec(t *testing.T) {
	q, err := workshopQuestion(t, false, map[string]string{"layers": "700xs100,900xs800"})
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, m := range q.Job.Spec.Measures[5:] {
		got += fmt.Sprintln(m.Name, m.Kind, m.Lo, m.Hi, m.HiAt, m.Unit2, m.Hi2, m.ReferenceSD, m.Competing)
	}
	want := `used series 0 10000 [700 900] 0 0 0 false
structure vector 0 2000 [] 0 0 0 false
cost spread -300 900 [] 10 9000 80 false
curve survival 0 0 [] 0 0 0 true
`
	if got != want {
		t.Errorf("measures:\n%swant:\n%s", got, want)
	}
}

// A fixture per refusal of a template's derived numbers and new bounds.
func TestDerivedRefusals(t *testing.T) {
	if _, err := workshopWith(t); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string][2]string{
		"unknown kind":            {"kind: flows, key", "kind: sankey, key"},
		"ratio of a curve":        {"of: fee, by: days, scale: 365", "of: curve, by: days, scale: 365"},
		"ratio of an incidence":   {"of: fee, by: days, scale: 365", "of: curve_incidence, by: days, scale: 365"},
		"scalar by axis":          {"of: fee, by: days, scale: 365", "of: fee, by: visits, scale: 365"},
		"no scale":                {"by: days, scale: 365", "by: days"},
		"scale of a funnel":       {"of: step, unit: people", "of: step, scale: 2, unit: people"},
		"funnel of visits":        {"kind: funnel, of: step", "kind: funnel, of: visits"},
		"funnel of a series":      {"kind: funnel, of: step", "kind: funnel, of: monthly"},
		"conversion taken":        {"{name: sankey,", "{name: reached_conversion,"},
		"change of a scalar":      {"kind: change, of: visits", "kind: change, of: fee"},
		"no position":             {"position: 2, relative", "relative"},
		"two positions":           {"position: 2, relative", "position: 2, position_parameter: event, relative"},
		"position of a list":      {"position_parameter: event", "position_parameter: premium"},
		"position of a ratio":     {"by: days, scale: 365", "by: days, position: 1, scale: 365"},
		"benefit by month":        {"kind: loss_ratio, of: fee", "kind: loss_ratio, of: monthly"},
		"premiums by nothing":     {"by: people, key: age", "by: people"},
		"premiums by no key":      {"by: people, key: age", "by: people, key: sex"},
		"premiums by coarser key": {"by: people, key: age", "by: people, key: path"},
		"no premiums":             {"key: age, factors_parameter: premium", "key: age"},
		"premiums of a window":    {"key: age, factors_parameter: premium", "key: age, factors_parameter: window"},
		"premiums twice":          {"key: age, factors_parameter", "key: age, factors: [1, 2], factors_parameter"},
		"times of a scalar":       {"kind: times, of: used", "kind: times, of: fee"},
		"totals of a measure":     {"kind: totals, within: [age]", "kind: totals, of: fee, within: [age]"},
		"totals by no key":        {"within: [age]", "within: [sex]"},
		"flows of no key":         {"kind: flows, key: path", "kind: flows"},
		"no unit":                 {"of: step, unit: people", "of: step"},
		"name of a measure":       {"{name: rate,", "{name: fee,"},
		"name of a deviation":     {"{name: rate,", "{name: cost_sd,"},
		"name of rows":            {"{name: rate,", "{name: bills,"},
		"vector below zero":       {"kind: vector, unit: fen, column: fee, clamp: [0, 1000]", "kind: vector, unit: fen, column: fee, clamp: [-1, 1000]"},
		"vector total above zero": {"clamp: [0, 1000], total: [0, 2000]", "clamp: [0, 1000], total: [5, 2000]"},
		"spread without unit":     {"unit2: 10, ", ""},
		"spread without clamp":    {"total2: 9000, ", ""},
		"spread without rows":     {"centre: 100, rows: 2", "centre: 100"},
		"measure called _sd":      {"{name: visits,", "{name: cost_sd,"},
		"competing histogram":     {"kind: histogram, unit: visits", "kind: histogram, competing: true, unit: visits"},
		"unit2 of a sum":          {"kind: sum, unit: days", "kind: sum, unit2: 5, unit: days"},
		"total_at of a vector":    {"kind: vector,", "kind: vector, total_at: [1, 2, 3],"},
		"total_at of no list":     {"total_at_parameter: layers", "total_at_parameter: window"},
	} {
		if _, err := workshopWith(t, edit[0], edit[1]); !errors.Is(err, ErrTemplate) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A wish about a derived number becomes wishes about what it is made of, and is
// met.
func TestWantedDerived(t *testing.T) {
	q, err := workshopQuestion(t, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Job.Spec.K = 20
	price := func(e dp.Error) *dp.Plan {
		t.Helper()
		plan, err := dp.Price(q.Job.Spec, q.wanted(dp.Want{Errors: []dp.Error{e}}), dp.DeltaRule{Fixed: 1e-9})
		if err != nil {
			t.Fatal(err)
		}
		return plan
	}
	p := price(dp.Error{Measure: "rate", Rel: 0.1, At: 2000})
	if w, err := p.RatioHalfWidth("fee", "days", 365, 2000); err != nil || w > 18.25 || w < 18 {
		t.Errorf("rate to 10 %% of 182.5: half-width %g, %v", w, err)
	}
	if p := price(dp.Error{Measure: "rate", Abs: 50}); p == nil {
		t.Error("at the reference size")
	}
	const z = 1.959963984540054
	p = price(dp.Error{Measure: "reached", Rel: 0.05, At: 2000})
	if w := z * math.Sqrt(3) * p.Sigmas()["step"]; w > 100 || w < 99 {
		t.Errorf("first step to 5 %% of 2,000: half-width %g", w)
	}
	p = price(dp.Error{Measure: "change", Abs: 150}) // yuan
	if w := z * math.Sqrt(2.0/3) * p.Sigmas()["monthly"]; w > 15_000 || w < 14_850 {
		t.Errorf("change to 15,000: half-width %g", w)
	}
	p = price(dp.Error{Measure: "cost_cv", Rel: 0.2, At: 2000})
	if w, err := p.HalfWidth("cost_cv", 2000); err != nil || w > 0.2*80/120 {
		t.Errorf("coefficient: half-width %g, %v", w, err)
	}
	p = price(dp.Error{Measure: "change_share", Abs: 0.1, At: 2000}) // two months before, four after
	if w := z * math.Sqrt(1.0/2+1.0/4) * p.Sigmas()["visits"] / (0.3 * 2000); w > 0.1 || w < 0.099 {
		t.Errorf("relative change to 0.1: half-width %g", w)
	}
	p = price(dp.Error{Measure: "loss", Abs: 0.02, At: 2000}) // widest where the premium is 300, not 500
	if w, err := p.RatioHalfWidth("fee", "people", 1.0/300, 2000); err != nil || w > 0.02 || w < 0.0198 {
		t.Errorf("loss ratio to 0.02: half-width %g, %v", w, err)
	}
	p = price(dp.Error{Measure: "burning_each", Abs: 500, At: 2000}) // yuan; widest in the layer of 2,000 fen
	if w, err := p.RatioHalfWidth("used", "people", 2000, 2000); err != nil || w > 50_000 || w < 49_500 {
		t.Errorf("cost of a layer to 50,000: half-width %g, %v", w, err)
	}
	if _, err := dp.Price(q.Job.Spec, q.wanted(dp.Want{Errors: []dp.Error{{Measure: "sankey", Abs: 1}}}), dp.DeltaRule{Fixed: 1e-9}); !errors.Is(err, dp.ErrUnknownMeasure) {
		t.Errorf("a number that cannot be wanted: %v", err)
	}
}
