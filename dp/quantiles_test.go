package dp

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

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
	// At equal cost (twice the variance, for delta2 is 2) the tree ranks the median
	// at a quarter of a flat histogram's variance, 256/4, wherever it lies.
	for b := range leaves + 1 {
		if v := 2 * rankVariance(b, 0.5); v > 64.0/4 {
			t.Errorf("edge %d: the tree's variance is %g", b, v)
		}
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

// Without noise a quantile is the textbook's for grouped data: L + (pN - F)/f * w
// in the bin where the cumulative count passes pN.
func TestQuantilesAreTheTextbooks(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 11))
	for range 50 {
		m := measure{Measure: Measure{Lo: -256, Hi: 2304, Probs: []float64{0.03, 0.25, 0.5, 0.77, 0.99}}}
		cells, bins := make([]int64, fanout+leaves), make([]float64, leaves)
		n := 100 + r.IntN(5000)
		for range n {
			x := min(max(int64(300+500*r.NormFloat64()), m.Lo), m.Hi)
			leaf := min((x+256)/10, leaves-1)
			bins[leaf]++
			cells[leaf/fanout]++
			cells[fanout+leaf]++
		}
		for i, q := range m.quantiles(cells, 0) {
			before, b := 0.0, 0
			for ; before+bins[b] < m.Probs[i]*float64(n); b++ {
				before += bins[b]
			}
			want := -256 + 10*(float64(b)+(m.Probs[i]*float64(n)-before)/bins[b])
			if math.Abs(q.Value-want) > 1e-6 {
				t.Errorf("quantile %s of %d people is %.9g, want %.9g", q.At, n, q.Value, want)
			}
		}
	}
}
