package dp

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Without noise, and with the squares in the rows' own unit, mean, deviation and
// coefficient are the textbook's over the kept rows: 2 4 4 4 5 5 7 9 has mean 5,
// deviation 2.
func TestSpreadByHand(t *testing.T) {
	m := measure{Measure: Measure{Name: "fee", Unit: "fen", Kind: KindSpread, Column: "fee", RowLo: 0, RowHi: 10, Rows: 8, Centre: 3, Lo: -24, Hi: 56, Unit2: 1, Hi2: 400}}
	col := []int64{2, 4, 4, Null, 4, 5, 5, 7, 9}
	rows := []int32{0, 1, 2, 3, 4, 5, 6, 7, 8}
	sum, n := m.total(col, rows)
	squares := m.squares(col, rows)
	if sum != 16 || n != 8 || squares != 1+1+1+1+4+4+16+36 {
		t.Fatalf("sum %d, rows %d, squares %d", sum, n, squares)
	}
	got := m.spread(sum, n, squares, [3]float64{})
	for i, want := range []Measured{{Name: "fee", Value: 5}, {Name: "fee_sd", Value: 2}, {Name: "fee_cv", Value: 0.4}} {
		g := got[i]
		if g.Name != want.Name || math.Abs(g.Value-want.Value) > 1e-12 || math.Abs(g.Low-want.Value) > 1e-12 || math.Abs(g.High-want.Value) > 1e-12 {
			t.Errorf("%+v, want %s %g", g, want.Name, want.Value)
		}
	}
	m.Hi2 = 20
	if x := m.squares(col, rows); x != 20 {
		t.Errorf("squares %d pass the clamp of 20", x)
	}
}

// A coarser unit changes the deviation by no more than rounding: half of Unit2^2
// on the variance of a row.
func TestSpreadInACoarserUnit(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 4))
	m := measure{Measure: Measure{RowLo: 0, RowHi: 20_000_000, Rows: 1000, Centre: 1_000_000, Lo: -1 << 50, Hi: 1 << 50, Unit2: 10_000, Hi2: 1 << 50}}
	col, rows := make([]int64, 1000), make([]int32, 1000)
	var sum, squares float64
	for i := range col {
		col[i], rows[i] = int64(2_000_000*r.ExpFloat64()), int32(i)
		x := float64(min(col[i], m.RowHi))
		sum, squares = sum+x, squares+x*x
	}
	want := math.Sqrt(squares/1000 - sum*sum/1e6)
	total, n := m.total(col, rows)
	got := m.spread(total, n, m.squares(col, rows), [3]float64{})
	if d := math.Abs(got[1].Value*got[1].Value - want*want); d > 5e7 || got[1].Value == want {
		t.Errorf("deviation %g, want %g", got[1].Value, want)
	}
}

// Each number is left out where it says nothing, and none leaves its bounds.
func TestSpreadLeavesOutWhatSaysNothing(t *testing.T) {
	m := measure{Measure: Measure{Name: "x", RowLo: -100, RowHi: 100, Rows: 1, Lo: -100, Hi: 100, Unit2: 1, Hi2: 10_000}}
	for _, c := range []struct {
		sum, rows, squares int64
		sigma              [3]float64
		numbers            int
	}{
		{5000, 100, 260_000, [3]float64{10, 1, 100}, 3},
		{5000, 1, 260_000, [3]float64{10, 1, 100}, 0},       // rows of noise
		{5000, -3, 260_000, [3]float64{10, 1, 100}, 0},      // no rows
		{5000, 100, 240_000, [3]float64{10, 1, 100}, 1},     // a negative variance
		{5000, 100, 260_000, [3]float64{10, 1, 20_000}, 1},  // a variance of noise
		{0, 100, 260_000, [3]float64{10, 1, 100}, 2},        // a mean of about zero
		{-5000, 100, 260_000, [3]float64{10, 1, 100}, 2},    // a negative mean has no coefficient
		{5000, 100, 2_000_000, [3]float64{10, 1, 5_000}, 3}, // more than the clamps allow
	} {
		got := m.spread(c.sum, c.rows, c.squares, c.sigma)
		if len(got) != c.numbers {
			t.Errorf("%+v: %d numbers", c, len(got))
		}
		if len(got) > 1 && (got[1].High > 100 || got[1].Value > 100 || !(got[1].Low > 0)) {
			t.Errorf("%+v: deviation %+v", c, got[1])
		}
	}
}

// The split makes the error of mean and deviation together least: any other
// costs more for the same, within what the floors of the shares take.
func TestSpreadSplitIsLeast(t *testing.T) {
	c, err := compile(spreadKinds())
	if err != nil {
		t.Fatal(err)
	}
	m := c.measures[1]
	d, sd := m.typical()
	mean, deviation := m.gradient(d, sd)
	loss := func(rho []float64) float64 {
		sum := 0.0
		for i, ch := range m.channels {
			s := c.channels[ch].sigmaAt(1, rho[i])
			sum += s * s * (mean[i]*mean[i] + deviation[i]*deviation[i])
		}
		return sum
	}
	best := m.split(1)
	if got := best[0] + best[1] + best[2]; math.Abs(got-1) > 1e-12 {
		t.Fatalf("shares add up to %g", got)
	}
	r := rand.New(rand.NewPCG(5, 5))
	for range 2000 {
		a, b := r.Float64(), r.Float64()
		other := []float64{a * b, a * (1 - b), 1 - a}
		if loss(other) < loss(best)*(1-0.1) {
			t.Fatalf("%v is better than %v: %g < %g", other, best, loss(other), loss(best))
		}
	}
}

// The deviations of variance and coefficient against differences of the
// estimates themselves, where Centre lies far from the mean.
func TestSpreadNoiseIsTheGradient(t *testing.T) {
	m := measure{Measure: Measure{Name: "x", RowLo: 0, RowHi: 1_000_000, Rows: 1, Centre: 200, Lo: -1 << 40, Hi: 1 << 40, Unit2: 10, Hi2: 1 << 40}}
	const rows = 1_000_000
	sum, squares := int64(-100*rows), int64(149*rows) // mean 100, variance 4,900
	at := func(i int, by int64) (variance, logCV float64) {
		x := [3]int64{sum, rows, squares}
		x[i] += by
		got := m.spread(x[0], x[1], x[2], [3]float64{})
		return got[1].Value * got[1].Value, math.Log(got[2].Value)
	}
	sigma := [3]float64{9000, 50, 300}
	for part := range 3 {
		only := [3]float64{}
		only[part] = sigma[part]
		got := m.spread(sum, rows, squares, only)
		v1, c1 := at(part, 1000)
		v0, c0 := at(part, -1000)
		wantV, wantC := math.Abs(v1-v0)/2000*sigma[part], math.Abs(c1-c0)/2000*sigma[part]
		haveV := (got[1].High*got[1].High - got[1].Low*got[1].Low) / 2 / z95
		haveC := math.Log(got[2].High/got[2].Low) / 2 / z95
		if math.Abs(haveV-wantV) > 1e-3*wantV || math.Abs(haveC-wantC) > 1e-3*wantC {
			t.Errorf("part %d: deviations %g and %g, by differences %g and %g", part, haveV, haveC, wantV, wantC)
		}
	}
}
