package dp_test

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/dptest"
	"pgregory.net/rapid"
)

// marginalSpec has attributes a0, a1 ... of so many values each.
func marginalSpec(synthetic int, sizes ...int) dp.Spec {
	s := dp.Spec{L0: 1, K: 20, MaxRows: 10, MaxPeople: 1_000_000}
	m := dp.Measure{Name: "m", Unit: "people", Kind: dp.KindMarginals, Rows: 1, Synthetic: synthetic, Reference: 0.1}
	for a, n := range sizes {
		attribute := dp.Attribute{Name: fmt.Sprint("a", a), Column: fmt.Sprint("a", a)}
		for v := range n {
			attribute.Values = append(attribute.Values, fmt.Sprint("v", v))
		}
		s.Columns, m.Attributes = append(s.Columns, attribute.Column), append(m.Attributes, attribute)
	}
	s.Measures = []dp.Measure{m}
	return s
}

// chain draws people whose attribute i+1 repeats attribute i with the given
// chance, and is anything else otherwise: dependences fall along the chain.
func chain(r *rand.Rand, people int, keep []float64, sizes ...int) []dptest.Row {
	rows := make([]dptest.Row, people)
	for p := range rows {
		values := []int64{r.Int64N(int64(sizes[0]))}
		for i, k := range keep {
			v := r.Int64N(int64(sizes[i+1]))
			if r.Float64() < k {
				v = values[i] % int64(sizes[i+1])
			}
			values = append(values, v)
		}
		rows[p] = dptest.Row{Person: dptest.Person(fmt.Sprint(p)), Values: values}
	}
	return rows
}

func filled(tb testing.TB, s dp.Spec, rows []dptest.Row) *dp.Totals {
	tb.Helper()
	tot, err := dp.NewTotals(s)
	if err != nil {
		tb.Fatal(err)
	}
	dptest.Fill(tb, tot, rows)
	return tot
}

func priced(tb testing.TB, s dp.Spec, rho float64) *dp.Plan {
	tb.Helper()
	p, err := dp.Price(s, dp.Want{Rho: rho}, dp.DeltaRule{Fixed: 1e-9})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// One person more costs, over all adaptive draws, exactly what is declared: the
// difference of every draw is worked out with the noisy numbers held fixed.
// Larger noise than planned makes estimates rough, and must change nothing.
func TestMarginalsCostWhatTheyDeclare(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		sizes := rapid.SliceOfN(rapid.IntRange(2, 5), 2, 6).Draw(rt, "sizes")
		seed := rapid.Uint64().Draw(rt, "seed")
		r := rand.New(rand.NewPCG(seed, 1))
		keep := make([]float64, len(sizes)-1)
		for i := range keep {
			keep[i] = r.Float64()
		}
		s := marginalSpec(1, sizes...)
		rows := chain(r, 3000, keep, sizes...)
		with := filled(t, s, rows)
		without, err := with.Fork()
		if err != nil {
			t.Fatal(err)
		}
		dptest.Fill(t, without, rows[1:])
		dptest.AssertNeighbours(t, with, without)
		scale := rapid.SampledFrom([]float64{0, 1, 10, 200}).Draw(rt, "noise")
		first := true
		noise := func() int64 {
			if first { // the people: both groups stay shown
				first = false
				return 0
			}
			return int64(math.Round(scale * r.NormFloat64()))
		}
		dptest.AssertAdaptive(t, with, without, priced(t, s, 0.5), noise, true)
	})
}

// exactTables recounts rows: the table of a pair, and its distance from what
// rounded independence gives.
func exactTables(s dp.Spec, rows []dptest.Row, a, b int) (table [][]int64, distance int64) {
	na, nb := len(s.Measures[0].Attributes[a].Values), len(s.Measures[0].Attributes[b].Values)
	table = make([][]int64, na)
	one, two := make([]float64, na), make([]float64, nb)
	for i := range table {
		table[i] = make([]int64, nb)
	}
	for _, r := range rows {
		i, j := r.Values[a], r.Values[b]
		table[i][j]++
		one[i]++
		two[j]++
	}
	for i := range table {
		for j, x := range table[i] {
			d := x - int64(math.Round(one[i]*two[j]/float64(len(rows))))
			distance += max(d, -d)
		}
	}
	return table, distance
}

// heaviest is the largest weight of a spanning tree, by trying every set of edges.
func heaviest(n int, edges [][2]int, weight []int64) int64 {
	best := int64(-1)
	for set := range 1 << len(edges) {
		part, total, used := make([]int, n), int64(0), 0
		for i := range part {
			part[i] = i
		}
		for e, ends := range edges {
			if set>>e&1 == 0 || part[ends[0]] == part[ends[1]] {
				continue
			}
			from, to := part[ends[0]], part[ends[1]]
			for i := range part {
				if part[i] == from {
					part[i] = to
				}
			}
			total, used = total+weight[e], used+1
		}
		if used == n-1 {
			best = max(best, total)
		}
	}
	return best
}

// Without noise the tree is the heaviest there is, and every table is exact.
func TestMarginalsWithoutNoise(t *testing.T) {
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 2))
		sizes := []int{3, 4, 2, 5, 3}
		s := marginalSpec(500, sizes...)
		rows := chain(r, 2000, []float64{r.Float64(), r.Float64(), r.Float64(), r.Float64()}, sizes...)
		got := dptest.ReleaseExact(t, filled(t, s, rows), priced(t, s, 0.5)).Groups[0].Measures
		if len(got) != 2 || got[0].Value != 2000 || got[1].Name != "m" {
			t.Fatalf("measures %v", got)
		}
		m := got[1].Marginals
		var edges [][2]int
		var weight []int64
		scores := map[string]int64{}
		for a := range sizes {
			for b := a + 1; b < len(sizes); b++ {
				_, d := exactTables(s, rows, a, b)
				edges, weight = append(edges, [2]int{a, b}), append(weight, d)
				scores[fmt.Sprint("a", a, "a", b)] = d
			}
		}
		total := int64(0)
		for _, pair := range m.Pairs {
			total += int64(pair.Value)
			if float64(scores[pair.A+pair.B]) != pair.Value {
				t.Errorf("%s %s: score %g, want %d", pair.A, pair.B, pair.Value, scores[pair.A+pair.B])
			}
			a, b := int(pair.A[1]-'0'), int(pair.B[1]-'0')
			table, _ := exactTables(s, rows, a, b)
			for i, c := range pair.Cells {
				if want := float64(table[i/sizes[b]][i%sizes[b]]); c.Value != want || c.A != fmt.Sprint("v", i/sizes[b]) || c.B != fmt.Sprint("v", i%sizes[b]) {
					t.Errorf("%s %s cell %d: %v, want %g", pair.A, pair.B, i, c, want)
				}
			}
		}
		if want := heaviest(len(sizes), edges, weight); total != want || len(m.Pairs) != 4 || len(m.Left) != 6 {
			t.Errorf("a tree of %d pairs (%d left) weighs %d, the heaviest %d", len(m.Pairs), len(m.Left), total, want)
		}
		checkOnes(t, s, rows, got[1].Values)
		checkSynthetic(t, s, m)
	}
}

// With noise that drowns the scores, the tree is the heaviest by the scores that
// are released: it is chosen by nothing that is not shown.
func TestTreeFollowsReleasedScores(t *testing.T) {
	sizes := []int{2, 2, 2, 2, 2}
	s := marginalSpec(1, sizes...)
	rows := chain(rand.New(rand.NewPCG(1, 5)), 2000, []float64{0.1, 0.1, 0.1, 0.1}, sizes...)
	p := priced(t, s, 0.001)
	for range 10 {
		table, err := dp.Release(filled(t, s, rows), p)
		if err != nil {
			t.Fatal(err)
		}
		m := table.Groups[0].Measures[1].Marginals
		var edges [][2]int
		var weight []int64
		total, least := int64(0), int64(0)
		add := func(e dp.PairError) {
			edges, weight = append(edges, [2]int{int(e.A[1] - '0'), int(e.B[1] - '0')}), append(weight, int64(e.Value))
			least = min(least, int64(e.Value))
		}
		for _, pair := range m.Pairs {
			add(pair.PairError)
			total += int64(pair.Value)
		}
		for _, e := range m.Left {
			add(e)
		}
		for i := range weight {
			weight[i] -= least // trees all have four edges
		}
		if want := heaviest(len(sizes), edges, weight); total-4*least != want {
			t.Errorf("the tree weighs %d, the heaviest by released scores %d", total-4*least, want)
		}
	}
}

// checkOnes compares one-way tables with counts.
func checkOnes(t *testing.T, s dp.Spec, rows []dptest.Row, got []dp.Point) {
	t.Helper()
	i := 0
	for a, attribute := range s.Measures[0].Attributes {
		for v, name := range attribute.Values {
			n := 0
			for _, r := range rows {
				if r.Values[a] == int64(v) {
					n++
				}
			}
			if got[i].At != attribute.Name+": "+name || got[i].Value != float64(n) {
				t.Errorf("%v, want %s: %s of %d", got[i], attribute.Name, name, n)
			}
			i++
		}
	}
}

// checkSynthetic checks shape and labels.
func checkSynthetic(t *testing.T, s dp.Spec, m *dp.Marginals) {
	t.Helper()
	spec := s.Measures[0]
	if len(m.Synthetic.Rows) != spec.Synthetic || len(m.Synthetic.Columns) != len(spec.Attributes) || len(m.Fit) != len(spec.Attributes) {
		t.Fatalf("%d rows of %v", len(m.Synthetic.Rows), m.Synthetic.Columns)
	}
	for _, row := range m.Synthetic.Rows {
		for a, v := range row {
			if m.Synthetic.Columns[a] != spec.Attributes[a].Name || !slices.Contains(spec.Attributes[a].Values, v) {
				t.Fatalf("row %v of %v", row, m.Synthetic.Columns)
			}
		}
	}
}

// On a chain of dependences, 20,000 people at rho 0.05, the synthetic rows have
// the population's one-way and chosen pair tables: total variation distances of
// at most 0.01 and 0.03 on average over 30 and 25 tables. Noise and 20,000 draws
// make about 0.006 and 0.019, single tables deviate from that by less than 0.003,
// the averages by less than 0.001 (false alarm under 1e-4). And the chain is
// found: its links are thousands of people away from independence, the noise of a
// score is about 20.
func TestSyntheticRowsAreLikeThePeople(t *testing.T) {
	sizes := []int{3, 10, 6, 4, 8, 5}
	s := marginalSpec(20_000, sizes...)
	p := priced(t, s, 0.05)
	var one, two float64
	const runs = 5
	for seed := range uint64(runs) {
		rows := chain(rand.New(rand.NewPCG(seed, 3)), 20_000, []float64{0.5, 0.6, 0.5, 0.7, 0.5}, sizes...)
		table, err := dp.Release(filled(t, s, rows), p)
		if err != nil {
			t.Fatal(err)
		}
		m := table.Groups[0].Measures[1].Marginals
		for a := range sizes {
			one += distance(m, rows, a, a) / float64(runs*len(sizes))
		}
		for _, pair := range m.Pairs {
			a, b := int(pair.A[1]-'0'), int(pair.B[1]-'0')
			if b != a+1 {
				t.Errorf("%s and %s are no link of the chain", pair.A, pair.B)
			}
			two += distance(m, rows, a, b) / float64(runs*len(m.Pairs))
		}
	}
	t.Logf("total variation: one-way %.4f, pairs %.4f", one, two)
	if one > 0.01 || two > 0.03 {
		t.Errorf("total variation: one-way %.4f, pairs %.4f", one, two)
	}
}

// distance is the total variation of synthetic rows and people in two attributes.
func distance(m *dp.Marginals, rows []dptest.Row, a, b int) float64 {
	shares := map[string]float64{}
	for _, r := range rows {
		shares[fmt.Sprint("v", r.Values[a], "v", r.Values[b])] += 1 / float64(len(rows))
	}
	for _, r := range m.Synthetic.Rows {
		shares[r[a]+r[b]] -= 1 / float64(len(m.Synthetic.Rows))
	}
	sum := 0.0
	for _, d := range shares {
		sum += math.Abs(d)
	}
	return sum / 2
}

// Intervals hold the truth as often as they say, for one-way and pair cells and,
// for the noise of the score, at the sigma that is predicted.
func TestMarginalIntervals(t *testing.T) {
	sizes := []int{4, 6, 5}
	s := marginalSpec(1, sizes...)
	p := priced(t, s, 0.05)
	held, intervals := 0, 0
	rows := chain(rand.New(rand.NewPCG(9, 4)), 3000, []float64{0.6, 0.6}, sizes...)
	for range 60 {
		table, err := dp.Release(filled(t, s, rows), p)
		if err != nil {
			t.Fatal(err)
		}
		got := table.Groups[0].Measures[1]
		i := 0
		for a, n := range sizes {
			for v := range n {
				x := 0.0
				for _, r := range rows {
					if r.Values[a] == int64(v) {
						x++
					}
				}
				if got.Values[i].Low <= x && x <= got.Values[i].High {
					held++
				}
				i++
				intervals++
			}
		}
		for _, pair := range got.Marginals.Pairs {
			a, b := int(pair.A[1]-'0'), int(pair.B[1]-'0')
			exact, _ := exactTables(s, rows, a, b)
			for j, c := range pair.Cells {
				if x := float64(exact[j/sizes[b]][j%sizes[b]]); c.Low <= x && x <= c.High {
					held++
				}
				intervals++
			}
		}
		for name, width := range map[string]float64{"m": got.Values[0].High - got.Values[0].Low, "m_pair": got.Marginals.Pairs[0].Cells[0].High - got.Marginals.Pairs[0].Cells[0].Low} {
			predicted, err := p.HalfWidth(name, 1000)
			if err != nil || math.Abs(width/2-predicted) > 1 {
				t.Fatalf("%s: half-width %g, predicted %g (%v)", name, width/2, predicted, err)
			}
		}
	}
	dptest.AssertCoverage(t, held, intervals, 1e-5)
}

// A wanted error of a pair's cell is met, and not bettered by much.
func TestMarginalsMeetAWantedError(t *testing.T) {
	s := marginalSpec(1, 3, 3, 3)
	for _, name := range []string{"m", "m_pair"} {
		p, err := dp.Price(s, dp.Want{Errors: []dp.Error{{Measure: name, Abs: 40}}}, dp.DeltaRule{Fixed: 1e-9})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.HalfWidth(name, 1000); err != nil || got > 40 || got < 39.9 {
			t.Errorf("%s: half-width %g (%v), wanted 40", name, got, err)
		}
		p, err = dp.Price(s, dp.Want{Errors: []dp.Error{{Measure: name, Rel: 0.5, At: 1000}}}, dp.DeltaRule{Fixed: 1e-9})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.HalfWidth(name, 1000); err != nil || got > 50 || got < 49.9 {
			t.Errorf("%s: half-width %g (%v), wanted half of a tenth of 1,000", name, got, err)
		}
	}
}

func TestMarginalsRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *dp.Spec, m *dp.Measure)
		want   error
	}{
		"two groups of a person": {func(s *dp.Spec, _ *dp.Measure) { s.L0 = 2 }, dp.ErrBounds},
		"a key":                  {func(s *dp.Spec, _ *dp.Measure) { s.Keys = []dp.Key{{Name: "k", Values: []string{"x"}}} }, dp.ErrBounds},
		"two rows":               {func(_ *dp.Spec, m *dp.Measure) { m.Rows = 2 }, dp.ErrBounds},
		"all rows":               {func(_ *dp.Spec, m *dp.Measure) { m.Rows = 0 }, dp.ErrBounds},
		"one attribute":          {func(_ *dp.Spec, m *dp.Measure) { m.Attributes = m.Attributes[:1] }, dp.ErrBounds},
		"one value":              {func(_ *dp.Spec, m *dp.Measure) { m.Attributes[0].Values = []string{"x"} }, dp.ErrBounds},
		"a value twice":          {func(_ *dp.Spec, m *dp.Measure) { m.Attributes[0].Values = []string{"x", "x"} }, dp.ErrSpec},
		"a name twice":           {func(_ *dp.Spec, m *dp.Measure) { m.Attributes[1].Name = "a0" }, dp.ErrSpec},
		"no such column":         {func(_ *dp.Spec, m *dp.Measure) { m.Attributes[1].Column = "?" }, dp.ErrSpec},
		"a value column":         {func(_ *dp.Spec, m *dp.Measure) { m.Column = "a0" }, dp.ErrSpec},
		"no synthetic rows":      {func(_ *dp.Spec, m *dp.Measure) { m.Synthetic = 0 }, dp.ErrBounds},
		"vast synthetic":         {func(_ *dp.Spec, m *dp.Measure) { m.Synthetic = dp.MaxSynthetic + 1 }, dp.ErrBounds},
		"vast population":        {func(s *dp.Spec, _ *dp.Measure) { s.MaxPeople = 1 << 59 }, dp.ErrOverflow},
		"attributes of rows":     {func(_ *dp.Spec, m *dp.Measure) { m.Kind = dp.KindRows }, dp.ErrSpec},
	} {
		s := marginalSpec(10, 3, 3)
		c.change(&s, &s.Measures[0])
		if err := s.Check(); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	many := marginalSpec(10, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2)
	if err := many.Check(); !errors.Is(err, dp.ErrBounds) {
		t.Errorf("13 attributes: %v", err)
	}
}

// Too few people: nothing is drawn of the tables, nothing is shown of them.
func TestMarginalsOfFewAreSuppressed(t *testing.T) {
	s := marginalSpec(10, 3, 3)
	rows := chain(rand.New(rand.NewPCG(1, 1)), 19, []float64{0.5}, 3, 3)
	for _, g := range dptest.ReleaseExact(t, filled(t, s, rows), priced(t, s, 0.5)).Groups {
		if !g.Suppressed || g.Measures != nil {
			t.Errorf("group of 19 with k 20: %v", g)
		}
	}
}
