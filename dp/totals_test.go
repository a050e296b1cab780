package dp_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/dptest"
	"pgregory.net/rapid"
)

var positions = []string{"p0", "p1", "p2", "p3"}

// anySpec draws a question with some of every kind; with L0 = 1 also survival.
func anySpec(t *rapid.T) dp.Spec {
	s := dp.Spec{
		L0: rapid.IntRange(1, 3).Draw(t, "L0"), K: 2, MaxRows: 1000, MaxPeople: 1000,
		Columns: []string{"v", "w", "at", "event"},
	}
	private := rapid.Bool().Draw(t, "private")
	for i := range rapid.IntRange(0, 2).Draw(t, "keys") {
		k := dp.Key{Name: fmt.Sprint("key", i), Values: []string{"a", "b", ""}}
		if private && i == 0 {
			k = dp.Key{Name: "key0", Private: true}
		}
		s.Keys = append(s.Keys, k)
	}
	lo := func(name string) int64 { return rapid.Int64Range(-20, 5).Draw(t, name) }
	rows := rapid.IntRange(0, 3)
	m := func(kind dp.Kind, column string) dp.Measure {
		x := dp.Measure{Name: string(kind) + column, Kind: kind, Column: column, RowLo: lo("rowlo"), Lo: lo("lo"), Rows: rows.Draw(t, "rows")}
		x.RowHi, x.Hi = x.RowLo+rapid.Int64Range(1, 30).Draw(t, "rowwidth"), x.Lo+rapid.Int64Range(1, 60).Draw(t, "width")
		return x
	}
	for _, column := range []string{"v", "w"} {
		sum, mean, q, series := m(dp.KindSum, column), m(dp.KindMean, column), m(dp.KindQuantiles, column), m(dp.KindSeries, column)
		mean.Rows, mean.Centre = mean.Rows+1, rapid.Int64Range(-5, 5).Draw(t, "centre")
		q.Probs = []float64{0.5}
		octaves := q
		octaves.Name, octaves.Octaves, octaves.Hi = "octaves"+column, true, q.Lo+rapid.Int64Range(1<<19, 1<<20).Draw(t, "wide")
		series.At, series.Positions, series.MaxPositions = "at", positions, rapid.IntRange(1, 3).Draw(t, "A")
		layers, vector, spread := series, m(dp.KindVector, column), m(dp.KindSpread, column)
		layers.Name, layers.HiAt = "layers"+column, []int64{layers.Lo + 1, layers.Lo + 30, layers.Lo + 5, layers.Hi}
		vector.At, vector.Positions, vector.Lo = "at", positions, 0
		vector.RowLo, vector.RowHi = rapid.Int64Range(0, 3).Draw(t, "vectorlo"), rapid.Int64Range(4, 30).Draw(t, "vectorhi")
		vector.Hi = rapid.Int64Range(1, 60).Draw(t, "L1")
		spread.Rows, spread.Centre = spread.Rows+1, rapid.Int64Range(-5, 5).Draw(t, "about")
		spread.Unit2, spread.Hi2 = rapid.Int64Range(1, 4).Draw(t, "unit2"), rapid.Int64Range(1, 300).Draw(t, "hi2")
		s.Measures = append(s.Measures, sum, mean, q, octaves, series, layers, vector, spread,
			dp.Measure{Name: "rows" + column, Kind: dp.KindRows, Column: column, Rows: 1 + rows.Draw(t, "rows")})
	}
	s.Measures = append(s.Measures,
		dp.Measure{Name: "all rows", Kind: dp.KindRows, Rows: 2},
		dp.Measure{Name: "bins", Kind: dp.KindHistogram, At: "at", Positions: positions, Rows: 1 + rows.Draw(t, "rows")})
	if s.L0 == 1 && len(s.Keys) == 0 {
		s.Measures = append(s.Measures, dp.Measure{Name: "m", Kind: dp.KindMarginals, Rows: 1, Synthetic: 10, Attributes: []dp.Attribute{
			{Name: "v", Column: "v", Values: []string{"0", "1", "more"}}, {Name: "at", Column: "at", Values: []string{"0", "?"}},
			{Name: "event", Column: "event", Values: []string{"no", "yes", "else", "?"}},
		}})
	}
	if s.L0 == 1 {
		curve := dp.Measure{Name: "curve", Kind: dp.KindSurvival, At: "at", Event: "event", Positions: positions}
		fates := curve
		fates.Name, fates.Competing = "fates", true
		s.Measures = append(s.Measures, curve, fates)
	}
	return s
}

// anyRows draws rows of few persons with many ties, Nulls, positions off the
// axis, unknown group values and groups with confusable names.
func anyRows(t *rapid.T, s dp.Spec, label string) []dptest.Row {
	value := rapid.OneOf(rapid.Int64Range(-40, 40), rapid.Int64Range(-2, 2), rapid.Just(dp.Null), rapid.Just(int64(1)<<62), rapid.Just(-int64(1)<<62))
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) dptest.Row {
		r := dptest.Row{Person: dptest.Person(fmt.Sprint("p", rapid.IntRange(0, 5).Draw(t, "person"))), Keys: []string{}}
		for range s.Keys {
			r.Keys = append(r.Keys, rapid.SampledFrom([]string{"a", "b", "", "ab", "outside"}).Draw(t, "key"))
		}
		r.Values = []int64{
			value.Draw(t, "v"), value.Draw(t, "w"),
			rapid.OneOf(rapid.Int64Range(-1, 4), rapid.Just(dp.Null)).Draw(t, "at"),
			rapid.OneOf(rapid.Int64Range(-1, 3), rapid.Just(dp.Null)).Draw(t, "event"),
		}
		return r
	}), 0, 60).Draw(t, label)
}

func mustTotals(tb testing.TB, s dp.Spec) *dp.Totals {
	tb.Helper()
	t, err := dp.NewTotals(s)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

func mustFork(tb testing.TB, t *dp.Totals) *dp.Totals {
	tb.Helper()
	f, err := t.Fork()
	if err != nil {
		tb.Fatal(err)
	}
	return f
}

// Bounding equals brute force, in any row order, in one go or over workers that
// each take some of the persons.
func TestTotalsEqualBruteForce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := anySpec(rt)
		rows := anyRows(rt, s, "rows")
		whole := mustTotals(t, s)
		dptest.Fill(t, whole, rows)
		want := dptest.Bounded(t, whole, rows)
		if got := dptest.Exact(t, whole); !reflect.DeepEqual(got, want) {
			rt.Fatalf("totals\n%v\nbrute force\n%v", got, want)
		}

		joined := mustFork(t, whole)
		for worker := range 3 {
			part := mustFork(t, whole)
			for _, parity := range []int{0, 1} { // two batches each
				mine := []dptest.Row{}
				for _, r := range rapid.Permutation(rows).Draw(rt, "order") {
					if n := int(r.Person[1] - '0'); n%3 == worker && n/3 == parity {
						mine = append(mine, r)
					}
				}
				dptest.Fill(t, part, mine)
			}
			if err := joined.Join(part); err != nil {
				rt.Fatal(err)
			}
		}
		if got := dptest.Exact(t, joined); !reflect.DeepEqual(got, want) {
			rt.Fatalf("by workers\n%v\nbrute force\n%v", got, want)
		}
	})
}

// Whatever one person's rows are, taking the person away moves nothing by more
// than the plan is charged for.
func TestNeighbours(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := anySpec(rt)
		rows := anyRows(rt, s, "rows")
		with := mustTotals(t, s)
		without := mustFork(t, with)
		dptest.Fill(t, with, rows)
		rest := []dptest.Row{}
		for _, r := range rows {
			if r.Person != dptest.Person("p0") {
				rest = append(rest, r)
			}
		}
		dptest.Fill(t, without, rest)
		dptest.AssertNeighbours(t, with, without)
		if t.Failed() {
			rt.Fatal("neighbours differ by too much")
		}
	})
}

// A person with 100,000 rows of the largest values, over every group, moves no
// cell by more than its bound.
func TestOnePersonWithManyRows(t *testing.T) {
	s := dp.Spec{
		L0: 2, K: 2, MaxRows: 200_000, MaxPeople: 1_000_000, Columns: []string{"v", "at"},
		Keys: []dp.Key{{Name: "region", Values: []string{"a", "b", "c", "d"}}, {Name: "drug", Private: true}},
		Measures: []dp.Measure{
			{Name: "sum", Kind: dp.KindSum, Column: "v", RowLo: -1e9, RowHi: 1e9, Lo: -5e9, Hi: 7e9},
			{Name: "mean", Kind: dp.KindMean, Column: "v", RowLo: 0, RowHi: 1e9, Rows: 6, Centre: 1e8, Lo: -6e8, Hi: 2e9},
			{Name: "rows", Kind: dp.KindRows, Rows: 12},
			{Name: "bins", Kind: dp.KindHistogram, At: "at", Positions: positions, Rows: 5},
			{Name: "series", Kind: dp.KindSeries, Column: "v", At: "at", Positions: positions, MaxPositions: 2, RowLo: 0, RowHi: 1e9, Lo: 0, Hi: 3e9},
			{Name: "q", Kind: dp.KindQuantiles, Column: "v", RowLo: 0, RowHi: 1e9, Lo: 0, Hi: 1e10, Probs: []float64{0.5}},
			{Name: "vector", Kind: dp.KindVector, Column: "v", At: "at", Positions: positions, RowLo: 0, RowHi: 1e9, Hi: 3e9},
			{Name: "spread", Kind: dp.KindSpread, Column: "v", RowLo: 0, RowHi: 1e9, Rows: 6, Centre: 1e8, Lo: -6e8, Hi: 2e9, Unit2: 1e5, Hi2: 1e8},
		},
	}
	r := rand.New(rand.NewPCG(1, 1))
	rows := []dptest.Row{}
	for i := range 100_000 {
		v := int64(1) << 62
		if i%7 == 0 {
			v = -v
		}
		rows = append(rows, dptest.Row{Person: dptest.Person("hoarder"), Keys: []string{s.Keys[0].Values[r.IntN(4)], fmt.Sprint(r.IntN(5))}, Values: []int64{v, r.Int64N(5)}})
	}
	for p := range 50 {
		rows = append(rows, dptest.Row{Person: dptest.Person(fmt.Sprint(p)), Keys: []string{"a", "1"}, Values: []int64{5, 1}})
	}
	with := mustTotals(t, s)
	without := mustFork(t, with)
	dptest.Fill(t, with, rows)
	dptest.Fill(t, without, rows[100_000:])
	dptest.AssertNeighbours(t, with, without)
	if n := len(dptest.Exact(t, with)); n > 3 {
		t.Errorf("%d groups have people: one from the others, at most two from the hoarder", n)
	}
}

// Which groups a person keeps does not hang on the order in which a worker met
// the groups, only on salt, psn_key and the groups' own keys.
func TestGroupChoiceIgnoresInterningOrder(t *testing.T) {
	s := dp.Spec{L0: 2, K: 2, MaxRows: 1000, MaxPeople: 1000, Keys: []dp.Key{{Name: "drug", Private: true}}}
	rows := []dptest.Row{}
	for p := range 40 {
		for g := range 9 {
			rows = append(rows, dptest.Row{Person: dptest.Person(fmt.Sprint(p)), Keys: []string{fmt.Sprint("drug", g)}})
		}
	}
	a := mustTotals(t, s)
	b := mustFork(t, a)
	for g := range 9 {
		if _, err := b.Group([]string{fmt.Sprint("drug", 8-g)}); err != nil {
			t.Fatal(err)
		}
	}
	dptest.Fill(t, a, rows)
	dptest.Fill(t, b, rows)
	got := dptest.Exact(t, a)
	if !reflect.DeepEqual(got, dptest.Exact(t, b)) {
		t.Error("interning order decides what is kept")
	}
	if len(got) < 5 {
		t.Errorf("only %d of 9 groups survive: everyone keeps the same ones", len(got))
	}
	other := mustTotals(t, s)
	dptest.Fill(t, other, rows)
	if reflect.DeepEqual(got, dptest.Exact(t, other)) {
		t.Error("two salts choose alike")
	}
}

func TestGroupCodes(t *testing.T) {
	s := dp.Spec{L0: 1, K: 2, MaxRows: 1, MaxPeople: 10, Keys: []dp.Key{{Name: "x", Values: []string{"a", "b"}}, {Name: "y", Values: []string{"c", "d", "e"}}}}
	if r := s.Radix(); !reflect.DeepEqual(r, []int{2, 3}) {
		t.Errorf("radix %v", r)
	}
	tot := mustTotals(t, s)
	want := int32(0)
	for _, x := range []string{"a", "b"} {
		for _, y := range []string{"c", "d", "e"} {
			if got, err := tot.Group([]string{x, y}); err != nil || got != want {
				t.Errorf("group %s %s is %d, %v; want %d", x, y, got, err, want)
			}
			want++
		}
	}
	if got, err := tot.Group([]string{"a", "z"}); got != -1 || err != nil {
		t.Errorf("an unknown public value: %d, %v", got, err)
	}
	if _, err := tot.Group([]string{"a"}); !errors.Is(err, dp.ErrBatch) {
		t.Errorf("too few values: %v", err)
	}
	s.Keys[1] = dp.Key{Name: "y", Private: true}
	if s.Radix() != nil {
		t.Error("a private key has no radix")
	}
	tot = mustTotals(t, s)
	if got, err := tot.Group([]string{"z", "c"}); got != -1 || err != nil {
		t.Errorf("an unknown public value beside a private one: %d, %v", got, err)
	}
	if r := (dp.Spec{}).Radix(); r == nil || len(r) != 0 {
		t.Errorf("no keys: radix %v, want empty", r)
	}
}

func TestBatchRefusals(t *testing.T) {
	s := dp.Spec{L0: 1, K: 2, MaxRows: 1, MaxPeople: 2, Columns: []string{"v"}, Keys: []dp.Key{{Name: "x", Values: []string{"a", "b"}}}}
	good := func() *dp.Batch {
		return &dp.Batch{Person: []uint32{0}, Keys: make([][16]byte, 1), Group: []int32{1}, Values: [][]int64{{5}}}
	}
	for name, change := range map[string]func(b *dp.Batch){
		"person":        func(b *dp.Batch) { b.Person[0] = 1 },
		"group":         func(b *dp.Batch) { b.Group[0] = 2 },
		"negative":      func(b *dp.Batch) { b.Group[0] = -2 },
		"short groups":  func(b *dp.Batch) { b.Group = nil },
		"short column":  func(b *dp.Batch) { b.Values[0] = nil },
		"columns":       func(b *dp.Batch) { b.Values = nil },
		"dropped, gone": func(b *dp.Batch) { b.Group[0], b.Person[0] = -1, 9 },
	} {
		b := good()
		change(b)
		tot := mustTotals(t, s)
		if err := tot.AddRange(b); !errors.Is(err, dp.ErrBatch) {
			t.Errorf("%s: %v, want ErrBatch", name, err)
		}
		if len(dptest.Exact(t, tot)) != 0 {
			t.Errorf("%s: the refused batch left something", name)
		}
	}
	if err := mustTotals(t, s).AddRange(nil); !errors.Is(err, dp.ErrBatch) {
		t.Errorf("nil: %v", err)
	}
	tot := mustTotals(t, s)
	for i, want := range []error{nil, nil, dp.ErrPeople} {
		if err := tot.AddRange(good()); !errors.Is(err, want) {
			t.Errorf("batch %d: %v, want %v", i, err, want)
		}
	}
}

// Parts that hold too many people together are not joined, and the part is not
// spent: the overflow proof rests on the number of people.
func TestJoinKeepsToMaxPeople(t *testing.T) {
	whole := mustTotals(t, dp.Spec{L0: 1, K: 2, MaxRows: 1, MaxPeople: 3})
	people := func(n int) *dp.Totals {
		part := mustFork(t, whole)
		b := &dp.Batch{}
		for i := range n {
			b.Keys, b.Person, b.Group = append(b.Keys, [16]byte{byte(n), byte(i)}), append(b.Person, uint32(i)), append(b.Group, 0)
		}
		if err := part.AddRange(b); err != nil {
			t.Fatal(err)
		}
		return part
	}
	if err := whole.Join(people(2)); err != nil {
		t.Fatal(err)
	}
	if err := whole.Join(people(2)); !errors.Is(err, dp.ErrPeople) {
		t.Errorf("4 people of at most 3: %v", err)
	}
	if err := whole.Join(people(1)); err != nil {
		t.Errorf("3 people: %v", err)
	}
}

func TestTotalsAreSpentOnce(t *testing.T) {
	s := dp.Spec{L0: 1, K: 2, MaxRows: 1, MaxPeople: 20}
	p, err := dp.Price(s, dp.Want{Rho: 0.1}, dp.DeltaRule{Fixed: 1e-9})
	if err != nil {
		t.Fatal(err)
	}
	a := mustTotals(t, s)
	b := mustFork(t, a)
	if err := a.Join(a); !errors.Is(err, dp.ErrMismatch) {
		t.Errorf("join with itself: %v", err)
	}
	if err := a.Join(mustTotals(t, s)); !errors.Is(err, dp.ErrMismatch) {
		t.Errorf("join with a stranger: %v", err)
	}
	if err := a.Join(b); err != nil {
		t.Fatal(err)
	}
	if err := a.Join(b); !errors.Is(err, dp.ErrReleased) {
		t.Errorf("join twice: %v", err)
	}
	if _, err := dp.Release(b, p); !errors.Is(err, dp.ErrReleased) {
		t.Errorf("release after join: %v", err)
	}
	other := s
	other.K = 3
	q, err := dp.Price(other, dp.Want{Rho: 0.1}, dp.DeltaRule{Fixed: 1e-9})
	if err != nil {
		t.Fatal(err)
	}
	for _, plan := range []*dp.Plan{q, nil, {}} {
		if _, err := dp.Release(a, plan); !errors.Is(err, dp.ErrMismatch) {
			t.Errorf("a plan for another question: %v", err)
		}
	}
	copied := *a
	if _, err := dp.Release(a, p); err != nil {
		t.Fatal(err)
	}
	for name, tot := range map[string]*dp.Totals{"again": a, "copy": &copied} {
		if _, err := dp.Release(tot, p); !errors.Is(err, dp.ErrReleased) {
			t.Errorf("%s: %v, want ErrReleased", name, err)
		}
	}
	if err := a.AddRange(&dp.Batch{}); !errors.Is(err, dp.ErrReleased) {
		t.Errorf("add after release: %v", err)
	}
	if _, err := a.Fork(); !errors.Is(err, dp.ErrReleased) {
		t.Errorf("fork after release: %v", err)
	}
	if _, err := dp.Release(&dp.Totals{}, p); !errors.Is(err, dp.ErrMismatch) {
		t.Errorf("totals from nowhere: %v", err)
	}
	if _, err := dp.Release(nil, p); !errors.Is(err, dp.ErrMismatch) {
		t.Errorf("nil totals: %v", err)
	}
}

// Of many goroutines that release the same totals, one gets the table.
func TestReleaseIsOneShotAcrossGoroutines(t *testing.T) {
	s := dp.Spec{L0: 1, K: 2, MaxRows: 1, MaxPeople: 20}
	p, err := dp.Price(s, dp.Want{Rho: 0.1}, dp.DeltaRule{Fixed: 1e-9})
	if err != nil {
		t.Fatal(err)
	}
	tot := mustTotals(t, s)
	got := make(chan error)
	for range 20 {
		go func() {
			_, err := dp.Release(tot, p)
			got <- err
		}()
	}
	released := 0
	for range 20 {
		if err := <-got; err == nil {
			released++
		} else if !errors.Is(err, dp.ErrReleased) {
			t.Error(err)
		}
	}
	if released != 1 {
		t.Errorf("%d releases of the same totals", released)
	}
}
