package dptest

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
)

// recorder is a testing.TB that remembers failing.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }
func (r *recorder) Fatalf(string, ...any) { r.failed = true }

func fails(check func(tb testing.TB)) bool {
	r := &recorder{}
	check(r)
	return r.failed
}

func TestAssertBinomial(t *testing.T) {
	for _, c := range []struct {
		hits  int
		p     float64
		fails bool
	}{{2000, 0.2, false}, {2150, 0.2, false}, {2250, 0.2, true}, {1750, 0.2, true}, {0, 0.2, true}, {10_000, 0.2, true}, {0, 1e-9, false}, {3, 1e-9, true}} {
		if got := fails(func(tb testing.TB) { AssertBinomial(tb, c.hits, 10_000, c.p, 1e-6) }); got != c.fails {
			t.Errorf("%d of 10,000 at %g: fails %v", c.hits, c.p, got)
		}
	}
}

func TestAssertSigma(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	xs := make([]float64, 5000)
	for i := range xs {
		xs[i] = 10 * r.NormFloat64()
	}
	for sigma, want := range map[float64]bool{10: false, 12: true, 8: true} {
		if got := fails(func(tb testing.TB) { AssertSigma(tb, xs, sigma, 1e-6) }); got != want {
			t.Errorf("noise of 10 declared as %g: fails %v", sigma, got)
		}
	}
	for i := range xs {
		xs[i]++
	}
	if !fails(func(tb testing.TB) { AssertSigma(tb, xs, 10.05, 1e-6) }) {
		t.Error("a mean of 1 passes")
	}
}

func TestAssertCoverage(t *testing.T) {
	for held, want := range map[int]bool{4750: false, 4660: false, 4640: true, 4860: true, 5000: true} {
		if got := fails(func(tb testing.TB) { AssertCoverage(tb, held, 5000, 1e-6) }); got != want {
			t.Errorf("%d of 5,000: fails %v", held, got)
		}
	}
	if !fails(func(tb testing.TB) { AssertCoverage(tb, 95, 100, 1e-6) }) {
		t.Error("100 intervals are too few to tell")
	}
}

func small() dp.Spec {
	return dp.Spec{
		L0: 1, K: 2, MaxRows: 100, MaxPeople: 100, Columns: []string{"v"}, Keys: []dp.Key{{Name: "g", Values: []string{"a", "b"}}},
		Measures: []dp.Measure{{Name: "sum", Kind: dp.KindSum, Column: "v", RowLo: 0, RowHi: 10, Rows: 2, Lo: 0, Hi: 15}},
	}
}

func totals(t *testing.T) *dp.Totals {
	t.Helper()
	tot, err := dp.NewTotals(small())
	if err != nil {
		t.Fatal(err)
	}
	return tot
}

// The brute force itself, by hand.
func TestBoundedByHand(t *testing.T) {
	rows := []Row{
		{Person("x"), []string{"a"}, []int64{10}}, {Person("x"), []string{"a"}, []int64{99}}, {Person("x"), []string{"a"}, []int64{10}},
		{Person("y"), []string{"a"}, []int64{-5}}, {Person("y"), []string{"a"}, []int64{3}},
		{Person("z"), []string{"b"}, []int64{dp.Null}}, {Person("w"), []string{"?"}, []int64{7}},
	}
	want := []Group{
		{Keys: []string{"a"}, Cells: map[string][]int64{"people": {2}, "sum": {15 + 3}}},
		{Keys: []string{"b"}, Cells: map[string][]int64{"people": {1}, "sum": {0}}},
	}
	tot := totals(t)
	if got := Bounded(t, tot, rows); !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	Fill(t, tot, rows)
	if got := Exact(t, tot); !reflect.DeepEqual(got, want) {
		t.Errorf("totals %v, want %v", got, want)
	}
	if Find(want, "c") != nil || Find(want, "a").People() != 2 {
		t.Error("Find finds what is there and nothing else")
	}
}

// More than one person's difference is caught, in cells and in groups.
func TestAssertNeighboursCatches(t *testing.T) {
	rows := func(people int, groups ...string) []Row {
		out := []Row{}
		for i := range people {
			out = append(out, Row{Person(fmt.Sprint(i)), []string{groups[i%len(groups)]}, []int64{10}})
		}
		return out
	}
	for name, c := range map[string]struct {
		with, without []Row
		fails         bool
	}{
		"one person":        {rows(3, "a"), rows(2, "a"), false},
		"nobody":            {rows(3, "a"), rows(3, "a"), false},
		"two in one group":  {rows(3, "a"), rows(1, "a"), true},
		"two in two groups": {rows(2, "a", "b"), nil, true},
	} {
		a := totals(t)
		b, err := a.Fork()
		if err != nil {
			t.Fatal(err)
		}
		Fill(t, a, c.with)
		Fill(t, b, c.without)
		if got := fails(func(tb testing.TB) { AssertNeighbours(tb, a, b) }); got != c.fails {
			t.Errorf("%s: fails %v", name, got)
		}
	}
}

// The noise of a released table, end to end: 1,500 groups of 40 people with a
// known sum (false alarm 1e-6 a channel).
func TestReleasedNoiseIsAsPlanned(t *testing.T) {
	s := small()
	s.MaxPeople, s.Keys[0].Values = 1_000_000, nil
	rows := []Row{}
	for g := range 1500 {
		s.Keys[0].Values = append(s.Keys[0].Values, fmt.Sprint(g))
		for p := range 40 {
			rows = append(rows, Row{Person(fmt.Sprint(g, "/", p)), []string{fmt.Sprint(g)}, []int64{10}})
		}
	}
	p, err := dp.Price(s, dp.Want{Rho: 0.05}, dp.DeltaRule{Fixed: 0.2})
	if err != nil {
		t.Fatal(err)
	}
	tot, err := dp.NewTotals(s)
	if err != nil {
		t.Fatal(err)
	}
	Fill(t, tot, rows)
	table, err := dp.Release(tot, p)
	if err != nil {
		t.Fatal(err)
	}
	var people, sum []float64
	held := 0
	for _, g := range table.Groups {
		if g.Suppressed {
			t.Fatalf("group %v of 40 is suppressed, shown from %d", g.Keys, p.SmallestGroup())
		}
		people, sum = append(people, g.Measures[0].Value-40), append(sum, g.Measures[1].Value-400)
		for i, exact := range []float64{40, 400} {
			if m := g.Measures[i]; m.Low <= exact && exact <= m.High {
				held++
			}
		}
	}
	AssertSigma(t, people, p.Sigmas()["people"], 1e-6)
	AssertSigma(t, sum, p.Sigmas()["sum"], 1e-6)
	AssertCoverage(t, held, 2*len(table.Groups), 1e-5)
}
