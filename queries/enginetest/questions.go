package enginetest

import (
	"math"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/dptest"
	"github.com/qunxiang/qunxiang/queries"
)

// question is a family of jobs, each with its twin in Go: the rows that the SQL
// should give for a world.
type question struct {
	name string
	draw func(rt *rapid.T) (queries.Job, func(World) []dptest.Row)
}

func questions() []question {
	return []question{{"amounts", drawAmounts}, {"drugs", drawDrugs}, {"cover", drawCover}, {"cases", drawCases}}
}

// drawWindow prefers the days on which rows lie thick.
func drawWindow(rt *rapid.T) (from, to time.Time) {
	if rapid.Bool().Draw(rt, "calendar") {
		q := rapid.IntRange(0, 11).Draw(rt, "quarter")
		from = time.Date(2016, time.Month(1+3*q), 1, 0, 0, 0, 0, time.UTC)
		return from, from.AddDate(0, 3*rapid.IntRange(1, 6).Draw(rt, "quarters"), -1)
	}
	from = Day(rapid.IntRange(-400, 700).Draw(rt, "from"))
	return from, from.AddDate(0, 0, rapid.IntRange(0, 500).Draw(rt, "days"))
}

func spec(l0 int, keys []dp.Key, columns []string, measures ...dp.Measure) dp.Spec {
	return dp.Spec{L0: l0, K: 20, Keys: keys, Columns: columns, Measures: measures, MaxRows: 200_000, MaxPeople: 1_000_000}
}

func drawClamp(rt *rapid.T, name string) (lo, hi int64) {
	lo = rapid.Int64Range(-1_000_000, 1_000_000).Draw(rt, name+" low")
	return lo, lo + rapid.Int64Range(1, 4_000_000).Draw(rt, name+" width")
}

// months is the axis of the calendar months of a window, as the SQL numbers them.
func months(from, to time.Time, perPosition int64) (*queries.Bands, []string) {
	index := func(t time.Time) int64 { return (int64(t.Year())*12 + int64(t.Month()) - 1) / perPosition }
	b := &queries.Bands{First: index(from), Width: 1, Last: index(to), Closed: true}
	return b, b.Labels()
}

// band is what the engine's contract says of a value on an axis.
func band(v int64, c queries.IntColumn) int64 {
	if v == dp.Null {
		return dp.Null
	}
	if c.Source > 1 {
		v = int64(math.Floor(float64(v) / float64(c.Source)))
	}
	return int64(c.Bands.Position(v))
}

// ageAt is the age of a person in whole years, at least 0; false if the birth is unknown.
func ageAt(p Row, at time.Time) (int64, bool) {
	b, ok := p["birth_ym"].(int64)
	if !ok {
		return 0, false
	}
	years := int64(at.Year()) - b/100
	if int64(at.Month()) < b%100 {
		years--
	}
	return max(0, years), true
}

// drawAmounts: a row per bill; public keys, bands with a gap at the end, every
// kind of measure, NULLs and values outside the domain.
func drawAmounts(rt *rapid.T) (queries.Job, func(World) []dptest.Row) {
	from, to := drawWindow(rt)
	age := &queries.Bands{First: 10 * rapid.Int64Range(0, 2).Draw(rt, "youngest"), Width: 10, Last: 60, Closed: rapid.Bool().Draw(rt, "closed")}
	levels := rapid.SampledFrom([][]string{{"tertiary", "secondary"}, {"unknown", "primary", "secondary", "tertiary"}, {"nothing"}}).Draw(rt, "levels")
	per := rapid.SampledFrom([]int64{1, 3}).Draw(rt, "months a position")
	axis, labels := months(from, to, per)
	sizes := &queries.Bands{Edges: []int64{-1000, 0, 500_000, 1_000_000, 2_500_000}, Closed: rapid.Bool().Draw(rt, "closed sizes")}
	columns := []queries.IntColumn{{Name: "amount"}, {Name: "fund"}, {Name: "month", Bands: axis, Source: per}, {Name: "amount", Bands: sizes}}
	lo, hi := drawClamp(rt, "row")
	rows := rapid.IntRange(1, 4).Draw(rt, "rows")
	clamped := func(m dp.Measure) dp.Measure {
		m.RowLo, m.RowHi, m.Lo, m.Hi = lo, hi, 2*min(lo, 0)-1, 2*max(hi, 0)+1
		return m
	}
	s := spec(rapid.IntRange(1, 4).Draw(rt, "l0"), []dp.Key{{Name: "age", Values: age.Labels()}, {Name: "level", Values: levels}},
		[]string{"amount", "fund", "month", "size"},
		dp.Measure{Name: "bills", Kind: dp.KindRows, Rows: rows},
		clamped(dp.Measure{Name: "total", Kind: dp.KindSum, Column: "amount"}),
		clamped(dp.Measure{Name: "capped", Kind: dp.KindSum, Column: "fund", Rows: rows}),
		clamped(dp.Measure{Name: "mean", Kind: dp.KindMean, Column: "fund", Rows: rows, Centre: (lo + hi) / 2}),
		clamped(dp.Measure{Name: "quantiles", Kind: dp.KindQuantiles, Column: "amount", Probs: []float64{0.5}}),
		dp.Measure{Name: "sizes", Kind: dp.KindHistogram, At: "size", Rows: rows, Positions: sizes.Labels()},
		clamped(dp.Measure{Name: "series", Kind: dp.KindSeries, Column: "amount", At: "month", Positions: labels, MaxPositions: min(2, len(labels))}),
	)
	job := queries.Job{
		Views: []queries.View{
			{Name: "person", Table: "person", Columns: []string{"age", "sex"}, From: from, To: to, AgeAt: from},
			{Name: "bill", Table: "settlement", Columns: []string{"level", "total_fen", "fund_fen", "setl_date"}, From: from, To: to},
		},
		SQL: `SELECT b.psn_key, p.age, b.level, b.total_fen AS amount,
		             CASE WHEN b.total_fen % 7 <> 0 THEN b.fund_fen END AS fund,
		             year(b.setl_date) * 12 + month(b.setl_date) - 1 AS month
		      FROM bill AS b JOIN person AS p USING (psn_key) -- a comment at the end`,
		Keys: []queries.KeyColumn{{Name: "age", Bands: age}, {Name: "level"}}, Columns: columns, Spec: s,
	}
	return job, func(w World) []dptest.Row {
		var out []dptest.Row
		people := byKey(w["person"])
		for _, b := range w["settlement"] {
			years, known := ageAt(people[keyOf(b)], from)
			position := age.Position(years)
			if !in(b, "setl_date", from, to) || !known || position < 0 {
				continue
			}
			amount, fund := b["total_fen"].(int64), int64(dp.Null)
			if amount%7 != 0 {
				fund = b["fund_fen"].(int64)
			}
			day := b["setl_date"].(time.Time)
			out = append(out, dptest.Row{
				Person: keyOf(b), Keys: []string{age.Labels()[position], b["level"].(string)},
				Values: []int64{amount, fund, band(int64(day.Year())*12+int64(day.Month())-1, columns[2]), band(amount, columns[3])},
			})
		}
		return out
	}
}

func byKey(rows []Row) map[Key]Row {
	out := map[Key]Row{}
	for _, r := range rows {
		out[keyOf(r)] = r
	}
	return out
}

// drawDrugs: a private key beside a public one with few or many values, a code
// list over two systems, and sums that no int64 holds.
func drawDrugs(rt *rapid.T) (queries.Job, func(World) []dptest.Row) {
	from, to := drawWindow(rt)
	regions := []string{"33", "unknown"}
	for i := range rapid.SampledFrom([]int{0, 80}).Draw(rt, "more regions") {
		regions = append(regions, "x"+strconv.Itoa(i))
	}
	codes := rapid.SampledFrom([]queries.CodeSet{
		nil,
		{},
		{"atc": {Prefix: []string{"A10"}}},
		{"atc": {Exact: []string{"A10BA02", "C07"}}, "omop": {Exact: []string{"1521369"}}},
		{"national": {Prefix: []string{"XA"}}, "atc": {Exact: []string{"it's"}, Prefix: []string{"C"}}},
	}).Draw(rt, "codes")
	lo, hi := drawClamp(rt, "spent")
	s := spec(rapid.IntRange(1, 3).Draw(rt, "l0"), []dp.Key{{Name: "ingredient", Private: true}, {Name: "region", Values: regions}},
		[]string{"spent", "lines"},
		dp.Measure{Name: "spent", Kind: dp.KindSum, Column: "spent", RowLo: lo, RowHi: hi, Lo: lo, Hi: hi},
		dp.Measure{Name: "lines", Kind: dp.KindSum, Column: "lines", RowLo: 0, RowHi: 2, Lo: 0, Hi: 2},
	)
	job := queries.Job{
		Views: []queries.View{{Name: "fee_line", Table: "fee_line", Columns: []string{"ingredient", "insu_admdvs", "amt_fen"}, From: from, To: to, Codes: codes}},
		SQL: `SELECT psn_key, ingredient, CASE WHEN insu_admdvs = 'unknown' THEN 'unknown' ELSE left(insu_admdvs, 2) END AS region,
		             sum(amt_fen) AS spent, count(*) AS lines
		      FROM fee_line
		      GROUP BY psn_key, ingredient, CASE WHEN insu_admdvs = 'unknown' THEN 'unknown' ELSE left(insu_admdvs, 2) END;`,
		Keys:    []queries.KeyColumn{{Name: "ingredient"}, {Name: "region"}},
		Columns: []queries.IntColumn{{Name: "spent"}, {Name: "lines"}}, Spec: s,
	}
	return job, func(w World) []dptest.Row {
		type group struct {
			person             Key
			ingredient, region string
		}
		sums, order := map[group]*wide{}, []group{}
		for _, f := range w["fee_line"] {
			if !in(f, "date", from, to) || !onList(f, codes, map[string]string{"atc": "atc", "": "item_code"}, false) {
				continue
			}
			region := f["insu_admdvs"].(string)
			if region != "unknown" {
				region = region[:2]
			}
			g := group{keyOf(f), f["ingredient"].(string), region}
			if sums[g] == nil {
				sums[g], order = &wide{}, append(order, g)
			}
			sums[g].add(f["amt_fen"].(int64))
		}
		var out []dptest.Row
		for _, g := range order {
			out = append(out, dptest.Row{Person: g.person, Keys: []string{g.ingredient, g.region}, Values: []int64{sums[g].value(), sums[g].n}})
		}
		return out
	}
}

// onList says whether a row is on a code list. columns gives the column of each
// system, "" of all others; where told, the row's own system must agree.
func onList(r Row, codes queries.CodeSet, columns map[string]string, told bool) bool {
	if codes == nil {
		return true
	}
	for system, c := range codes {
		column, ok := columns[system]
		if !ok {
			column = columns[""]
		}
		if told && r["system"] != system {
			continue
		}
		code := r[column].(string)
		for _, x := range c.Exact {
			if code == x {
				return true
			}
		}
		for _, p := range c.Prefix {
			if strings.HasPrefix(code, p) {
				return true
			}
		}
	}
	return false
}
