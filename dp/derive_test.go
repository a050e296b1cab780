package dp

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// quick is normal noise of the declared sigma, rounded like the library's, from
// a fixed seed: the intervals are tested with it, the library's own draws in
// audit_test.go.
type quick struct {
	r      *rand.Rand
	sigmas map[float64]float64 // by epsilon
}

func newQuick(p *Plan, seed uint64) quick {
	q := quick{rand.New(rand.NewPCG(seed, 0)), map[float64]float64{}}
	for _, d := range p.draws {
		q.sigmas[d.epsilon] = d.sigma / float64(d.linf)
	}
	return q
}

func (q quick) Add(x, linf int64, epsilon, _ float64) (int64, error) {
	return x + int64(math.Round(q.r.NormFloat64()*q.sigmas[epsilon]*float64(linf))), nil
}

// silent is no noise.
type silent struct{}

func (silent) Add(x, _ int64, _, _ float64) (int64, error) { return x, nil }

// fill is a state of everyone in each group of everyKind, from one generator.
func fill(t testing.TB, s Spec, people int) *state {
	t.Helper()
	c, err := compile(s)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(9, 9))
	st := newState(c, [16]byte{1})
	for g := range c.groups {
		b := &Batch{Values: make([][]int64, len(s.Columns))}
		for p := range people {
			b.Keys = append(b.Keys, [16]byte{byte(p), byte(p >> 8), byte(g), 1})
			for range 1 + r.IntN(3) {
				b.Person = append(b.Person, uint32(p))
				b.Group = append(b.Group, int32(g))
				b.Values[0] = append(b.Values[0], int64(80*r.ExpFloat64()))
				b.Values[1] = append(b.Values[1], r.Int64N(5))
			}
		}
		if err := seal(st).AddRange(b); err != nil {
			t.Fatal(err)
		}
	}
	return st
}

// Every kind's 95 % interval holds the exact bounded value in 93 % to 97 % of
// 4,000 to 20,000 draws: at true coverage 0.95, 1,000 independent draws leave
// that range with probability 0.004, 4,000 with 1e-8. The seed is fixed.
func TestIntervalsCover(t *testing.T) {
	s := everyKind()
	st := fill(t, s, 3000)
	for _, rho := range []float64{0.02, 0.3} {
		p := mustPrice(t, s, Want{Rho: rho}, DeltaRule{Fixed: 1e-9})
		truth, err := p.table(st, silent{})
		if err != nil {
			t.Fatal(err)
		}
		noise := newQuick(p, 77)
		held, all := map[string]int{}, map[string]int{}
		for range 1000 {
			got, err := p.table(st, noise)
			if err != nil {
				t.Fatal(err)
			}
			for i, g := range got.Groups {
				if g.Suppressed {
					t.Fatal("3,000 people are suppressed")
				}
				for j, m := range g.Measures {
					tally(held, all, m, truth.Groups[i].Measures[j])
				}
			}
		}
		for name, n := range all {
			share := float64(held[name]) / float64(n)
			t.Logf("rho %g %-8s %.4f of %d", rho, name, share, n)
			if n < 4000 || share < 0.93 || share > 0.97 {
				t.Errorf("rho %g: %s holds the truth in %.4f of %d", rho, name, share, n)
			}
		}
	}
}

func tally(held, all map[string]int, got, truth Measured) {
	count := func(low, high, x float64) {
		all[got.Name]++
		if low <= x && x <= high {
			held[got.Name]++
		}
	}
	if truth.Values == nil {
		count(got.Low, got.High, truth.Value)
	}
	for i := range truth.Values {
		count(got.Values[i].Low, got.Values[i].High, truth.Values[i].Value)
	}
}

// Survival bands carry noise and sampling: they hold the survival of the
// population that people were drawn from, where sampling dominates and where
// noise does. 800 cohorts of 12 positions each.
func TestSurvivalBandsCover(t *testing.T) {
	for _, rho := range []float64{0.05, 0.001} {
		survivalCoverage(t, rho)
	}
}

func survivalCoverage(t *testing.T, rho float64) {
	const positions, people = 12, 2500
	s := survivalSpec(positions)
	p := mustPrice(t, s, Want{Rho: rho}, DeltaRule{Fixed: 1e-9})
	noise := newQuick(p, 5)
	r := rand.New(rand.NewPCG(6, 6))
	held, all := 0, 0
	for range 800 {
		st := newState(p.c, [16]byte{})
		st.cells[0] = people
		ch := p.c.channels[1]
		for range people {
			j, event := 0, 0
			for ; j < positions-1; j++ {
				if r.Float64() < 0.05 {
					event = 1
					break
				}
				if r.Float64() < 0.02 {
					break
				}
			}
			st.cells[ch.offset+2*j+event]++
		}
		got, err := p.table(st, noise)
		if err != nil {
			t.Fatal(err)
		}
		survival := 1.0
		points := got.Groups[0].Measures[1].Values
		for _, pt := range points[:min(len(points), positions-1)] {
			survival *= 0.95
			all++
			if pt.Low <= survival && survival <= pt.High {
				held++
			}
		}
	}
	share := float64(held) / float64(all)
	t.Logf("rho %g: bands hold the truth in %.4f of %d", rho, share, all)
	if share < 0.93 || share > 0.97 || all < 5000 {
		t.Errorf("rho %g: bands hold the truth in %.4f of %d", rho, share, all)
	}
}

// Without noise the curve is the textbook's Kaplan-Meier estimate.
func TestKaplanMeierByHand(t *testing.T) {
	// at risk 100, 90, 60: events 10, 15, 6; censored 0, 15, 54
	steps := kaplanMeier([]float64{0, 10, 15, 15, 54, 6}, 0, 20)
	want := []float64{0.9, 0.9 * 75 / 90, 0.9 * 75 / 90 * 54 / 60}
	green := 0.0
	for i, h := range [][2]float64{{10, 100}, {15, 90}, {6, 60}} {
		green += h[0] / (h[1] * (h[1] - h[0]))
		if math.Abs(steps[i].survival-want[i]) > 1e-12 {
			t.Errorf("survival %g, want %g", steps[i].survival, want[i])
		}
		if g := want[i] * math.Sqrt(green); math.Abs(steps[i].greenwood-g) > 1e-12 {
			t.Errorf("Greenwood %g, want %g", steps[i].greenwood, g)
		}
	}
	if n := len(kaplanMeier([]float64{0, 10, 15, 15, 54, 6}, 0, 61)); n != 2 {
		t.Errorf("with k = 61 the curve has %d positions, want 2: 60 at risk are too few", n)
	}
	// sigma 10: three deviations of the sum of 2, 4 or 6 cells are 42, 60, 73.
	if n := len(kaplanMeier([]float64{0, 10, 15, 15, 54, 6}, 10, 20)); n != 2 {
		t.Errorf("with noise the curve has %d positions, want 2", n)
	}
}

// The noise deviation of each step against differences of the estimate itself.
func TestKaplanMeierNoiseIsTheGradient(t *testing.T) {
	cells := []float64{3, 40, 30, 25, 10, 33, 200, 12}
	base := kaplanMeier(cells, 1, 0)
	for j := range base {
		variance := 0.0
		for i := range cells {
			up, down := append([]float64(nil), cells...), append([]float64(nil), cells...)
			up[i] += 1e-4
			down[i] -= 1e-4
			d := (kaplanMeier(up, 1, 0)[j].survival - kaplanMeier(down, 1, 0)[j].survival) / 2e-4
			variance += d * d
		}
		if got := base[j].noise; math.Abs(got-math.Sqrt(variance)) > 1e-8 {
			t.Errorf("step %d: deviation %g, by differences %g", j, got, math.Sqrt(variance))
		}
	}
}

// The consistent tree is the least-squares one, and rankVariance its variance:
// both against simulation.
func TestTreeVariance(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const runs = 4000
	type at struct {
		b int
		p float64
	}
	checks := []at{{8, 0.5}, {16, 0.1}, {100, 0.5}, {128, 0.5}, {250, 0.99}, {256, 0}, {3, 0.95}}
	sums := make([]float64, len(checks))
	cells := make([]int64, fanout+leaves)
	for range runs {
		for i := range cells {
			cells[i] = int64(math.Round(r.NormFloat64() * 1000))
		}
		cum := cumulative(consistent(cells))
		for i, c := range checks {
			x := (cum[c.b] - c.p*cum[leaves]) / 1000
			sums[i] += x * x
		}
	}
	for i, c := range checks {
		got, want := sums[i]/runs, rankVariance(c.b, c.p)
		// The deviation of a variance over 4,000 normal runs is 2.2 %; six of them.
		if math.Abs(got/want-1) > 0.135 {
			t.Errorf("edge %d, p %g: variance %g, formula %g", c.b, c.p, got, want)
		}
	}
	flat := 16.0 * 15 // a flat histogram of 256 leaves would have p(1-p)*256 at the median plus nothing to share
	if tree := rankVariance(128, 0.5); tree > flat/16 {
		t.Errorf("the tree's variance at the median is %g", tree)
	}
}

func TestConsistentKeepsExactCounts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cells := make([]int64, fanout+leaves)
		for i := range leaves {
			x := rapid.Int64Range(0, 1e6).Draw(t, "x")
			cells[fanout+i] = x
			cells[i/fanout] += x
		}
		for i, x := range consistent(cells) {
			if math.Abs(x-float64(cells[fanout+i])) > 1e-6 {
				t.Fatalf("leaf %d: %g, exact %d", i, x, cells[fanout+i])
			}
		}
	})
}

func TestMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float64Range(-100, 100), 1, 50).Draw(t, "x")
		y := monotone(x)
		sx, sy := 0.0, 0.0
		for i := range y {
			if i > 0 && y[i] < y[i-1]-1e-9 {
				t.Fatal("not monotone")
			}
			sx, sy = sx+x[i], sy+y[i]
		}
		if len(x) != len(y) || math.Abs(sx-sy) > 1e-6 {
			t.Fatal("pooling keeps length and sum")
		}
		for i, v := range monotone(y) {
			if math.Abs(v-y[i]) > 1e-9 {
				t.Fatal("a monotone sequence stays")
			}
		}
	})
}

// Quantiles without noise are those of the bins: 0..99 once each in [0, 100].
func TestQuantilesByHand(t *testing.T) {
	m := measure{Measure: Measure{Lo: 0, Hi: 100, Probs: []float64{0.1, 0.5, 0.95}}}
	cells := make([]int64, fanout+leaves)
	for x := range int64(100) {
		leaf := leafOf(x, 0, 100)
		cells[leaf/fanout]++
		cells[fanout+leaf]++
	}
	for _, q := range m.quantiles(cells, 1e-9) {
		var p float64
		if _, err := fmt.Sscan(q.At, &p); err != nil {
			t.Fatal(err)
		}
		if math.Abs(q.Value-100*p) > 1 || q.Low > q.Value || q.High < q.Value || q.High-q.Low > 1.1 {
			t.Errorf("quantile %s is %g in [%g, %g]", q.At, q.Value, q.Low, q.High)
		}
	}
	for _, q := range m.quantiles(cells, 100) { // drowned in noise
		if q.Low != 0 || q.High != 100 {
			t.Errorf("nothing is known, yet quantile %s is in [%g, %g]", q.At, q.Low, q.High)
		}
	}
}

func TestMeanStaysWithinClamps(t *testing.T) {
	m := measure{Measure: Measure{RowLo: 10, RowHi: 500, Centre: 100}}
	for _, c := range []struct{ sum, rows int64 }{{1e9, 10}, {-1e9, 10}, {0, 0}, {5, -20}, {0, 1000}, {50_000, 1000}} {
		v, low, high := m.mean(c.sum, c.rows, 300, 10)
		if low < 10 || high > 500 || v < low || v > high {
			t.Errorf("sum %d rows %d: %g in [%g, %g]", c.sum, c.rows, v, low, high)
		}
		if c.rows < 20 && (low != 10 || high != 500) {
			t.Errorf("rows %d of noise 10 say nothing, yet [%g, %g]", c.rows, low, high)
		}
	}
	if v, _, _ := m.mean(50_000, 1000, 300, 10); v != 150 {
		t.Errorf("mean %g, want 150", v)
	}
}

func TestRatioAndShareCover(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	noisy := func(x, sigma float64) Measured {
		v := x + sigma*r.NormFloat64()
		return Measured{Value: v, Low: v - z95*sigma, High: v + z95*sigma}
	}
	const runs = 8000
	ratio, share := 0, 0
	for range runs {
		of, by := noisy(300, 40), noisy(1000, 100)
		if m, ok := Ratio(of, by, 1000); ok && m.Low <= 300 && 300 <= m.High {
			ratio++
		}
		a, b := noisy(800, 200), noisy(200, 50)
		if m, ok := Share(a, []Measured{a, b}, 1); ok && m.Low <= 0.8 && 0.8 <= m.High {
			share++
		}
	}
	// False alarm below 1e-15 each at true coverage 0.95.
	for name, held := range map[string]int{"ratio": ratio, "share": share} {
		if c := float64(held) / runs; c < 0.93 || c > 0.97 {
			t.Errorf("%s covers %.4f", name, c)
		}
	}
	if _, ok := Ratio(noisy(5, 1), Measured{Value: 1, Low: -9, High: 11}, 1); ok {
		t.Error("a denominator that may be zero gives no ratio")
	}
	if _, ok := Ratio(Measured{Values: []Point{}}, noisy(9, 1), 1); ok {
		t.Error("an axis has no ratio")
	}
}

func TestCountIntervalHoldsItsShare(t *testing.T) {
	for _, sigma := range []float64{1, 1.5, 2, 3, 4, 5, 10, 50, 1000} {
		_, low, high := countInterval(0, sigma)
		inside := 2*math.Floor(high) + 1 // integers from -w to w
		if -low != high {
			t.Fatal("not symmetric")
		}
		c := math.Erf(inside / 2 / sigma / math.Sqrt2)
		if c < 0.95-1e-9 || sigma >= 4 && c > 0.97 {
			t.Errorf("sigma %g: a rounded draw is inside with %.4f", sigma, c)
		}
	}
}

func TestLeafAndWideAgainstBigIntegers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo := rapid.Int64Range(-MaxMagnitude, MaxMagnitude-1).Draw(t, "lo")
		hi := rapid.Int64Range(lo+1, MaxMagnitude).Draw(t, "hi")
		x := rapid.Int64Range(lo, hi).Draw(t, "x")
		want := new(big.Int).Mul(big.NewInt(x-lo), big.NewInt(leaves))
		want.Quo(want, big.NewInt(hi-lo))
		if w := min(want.Int64(), leaves-1); leafOf(x, lo, hi) != w {
			t.Fatalf("leaf of %d in [%d, %d] is %d, want %d", x, lo, hi, leafOf(x, lo, hi), w)
		}
		var sum wide
		exact := new(big.Int)
		for _, v := range rapid.SliceOf(rapid.Int64Range(-2*MaxMagnitude, 2*MaxMagnitude)).Draw(t, "v") {
			sum.add(v)
			exact.Add(exact, big.NewInt(v))
		}
		want64 := int64(math.MaxInt64)
		if exact.IsInt64() {
			want64 = exact.Int64()
		} else if exact.Sign() < 0 {
			want64 = math.MinInt64
		}
		if sum.value() != want64 {
			t.Fatalf("sum %d, want %s", sum.value(), exact)
		}
	})
}

// Quantile intervals over shapes and group sizes: uniform, skewed into the first
// bins, and with empty ends. 4,000 draws a case, fixed seed.
func TestQuantileIntervalsCover(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 1))
	shapes := []struct {
		name string
		draw func() int64
	}{
		{"uniform", func() int64 { return r.Int64N(100_000) }},
		{"skewed", func() int64 { return min(int64(2000*r.ExpFloat64()), 100_000) }},
		{"normal", func() int64 { return min(max(int64(50_000+10_000*r.NormFloat64()), 0), 100_000) }},
	}
	m := measure{Measure: Measure{Lo: 0, Hi: 100_000, Probs: []float64{0.05, 0.25, 0.5, 0.75, 0.9, 0.99}}}
	for _, shape := range shapes {
		for _, people := range []int{1000, 20_000} {
			exact := make([]int64, fanout+leaves)
			for range people {
				leaf := leafOf(shape.draw(), m.Lo, m.Hi)
				exact[leaf/fanout]++
				exact[fanout+leaf]++
			}
			truth := m.quantiles(exact, 1e-9)
			held := make([]int, len(m.Probs))
			const runs = 4000
			noisy := make([]int64, len(exact))
			for range runs {
				for i, x := range exact {
					noisy[i] = x + int64(math.Round(5*r.NormFloat64()))
				}
				for i, q := range m.quantiles(noisy, 5) {
					if q.Low <= truth[i].Value && truth[i].Value <= q.High {
						held[i]++
					}
				}
			}
			for i, p := range m.Probs {
				share := float64(held[i]) / runs
				// Near the ends of [Lo, Hi] and in empty stretches more than 95 % is right:
				// the interval cannot leave the bounds and pooling only helps.
				inner := p >= 0.25 && p <= 0.9
				if share < 0.93 || inner && share > 0.97 {
					t.Errorf("%s, %d people: quantile %g covers %.4f", shape.name, people, p, share)
				}
			}
		}
	}
}
