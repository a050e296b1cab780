package dp

import (
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
	intervalsCover(t, everyKind())
	intervalsCover(t, spreadKinds())
}

func intervalsCover(t *testing.T, s Spec) {
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
				if len(g.Measures) != len(truth.Groups[i].Measures) {
					t.Fatal("a number is missing")
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
