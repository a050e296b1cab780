package glm

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// fitted trains on fixed rows, with this much of the noise and clipping of a plan.
func fitted(t *testing.T, p *Plan, rows []Row) *Fit {
	t.Helper()
	d, err := p.NewData(rows)
	if err != nil {
		t.Fatal(err)
	}
	beta := p.Start()
	for r := range p.Rounds() {
		sums, err := p.Encode(d, r, beta)
		if err != nil {
			t.Fatal(err)
		}
		sum := sums.values
		for range p.spec.Nodes {
			for i, x := range draw(t, p, r) {
				sum[i] += x
			}
		}
		if r == p.Rounds()-1 {
			fit, err := p.Fit(beta, sum)
			if err != nil {
				t.Fatal(err)
			}
			return fit
		}
		if beta, _, err = p.Step(r, beta, sum); err != nil {
			t.Fatal(err)
		}
	}
	return nil
}

// Errors, intervals and relativities follow from estimate and variance, per unit
// of a number and per level.
func TestTermsAreConsistent(t *testing.T) {
	s := small(Poisson)
	s.Rho = 4e12
	fit := fitted(t, plan(t, s), fixedRows(Poisson, 4000))
	for i, term := range fit.Terms {
		unit := []float64{1, 50, 5, 1, 1}[i]
		for what, off := range map[string]float64{
			"lo": term.Lo - (term.Estimate - 1.959963984540054*term.SE), "hi": term.Hi - (term.Estimate + 1.959963984540054*term.SE),
			"noise": term.NoiseShare - (1 - term.Naive*term.Naive/(term.SE*term.SE)),
			"unit":  term.PerUnit*unit - term.Estimate, "unit error": term.PerUnitSE*unit - term.SE,
			"relativity": math.Log(term.Relativity) - term.PerUnit, "relativity lo": math.Log(term.RelativityLo)*unit - term.Lo,
			"relativity hi": math.Log(term.RelativityHi)*unit - term.Hi,
		} {
			if math.Abs(off) > 1e-12 {
				t.Errorf("%s: %s is off by %g", term.Name, what, off)
			}
		}
		if term.Unreliable != (term.NoiseShare > 0.5) || !(term.SE > term.Naive) {
			t.Errorf("%+v", term)
		}
		if !strings.Contains(fit.String(), term.Name) {
			t.Errorf("no line for %s", term.Name)
		}
	}
}

// The corrected errors are those of the formula, with H and g as they were sent
// and the noise of g as it was drawn.
func TestCorrectedErrors(t *testing.T) {
	p := plan(t, small(Poisson))
	d, _ := p.NewData(fixedRows(Poisson, 3000))
	beta := p.Start()
	sums, err := p.Encode(d, 3, beta)
	if err != nil {
		t.Fatal(err)
	}
	sum := sums.values
	// beta solves g = 0 when g is taken away: then the last step is zero.
	n := p.Columns()
	for i := range n {
		sum[n*(n+1)/2+i] = 0
	}
	fit, err := p.Fit(beta, sum)
	if err != nil {
		t.Fatal(err)
	}
	h, _, _ := p.decode(3, beta, sum)
	inverse := invert(h)
	g := p.Sigma(p.rounds[3][1])
	for i, term := range fit.Terms {
		two := 0.0
		for j := range n {
			two += inverse[i][j] * inverse[j][i]
		}
		want := math.Sqrt(inverse[i][i] + g*g*two)
		if math.Abs(term.SE-want) > 1e-12*want || math.Abs(term.Naive-math.Sqrt(inverse[i][i])) > 1e-12 {
			t.Errorf("%s: %g and %g, want %g", term.Name, term.Naive, term.SE, want)
		}
	}
	if !fit.Converged {
		t.Error("a step of zero is not the end")
	}
}

// invert is Gauss and Jordan's.
func invert(a [][]float64) [][]float64 {
	n := len(a)
	out := make([][]float64, n)
	for i := range out {
		out[i] = make([]float64, n)
		out[i][i] = 1
	}
	for i := range n {
		pivot := a[i][i]
		for j := range n {
			a[i][j] /= pivot
			out[i][j] /= pivot
		}
		for k := range n {
			if f := a[k][i]; k != i {
				for j := range n {
					a[k][j] -= f * a[i][j]
					out[k][j] -= f * out[i][j]
				}
			}
		}
	}
	return out
}

// A fit that has not arrived says so: too few rounds from a far start, a step
// that was cut short, curvature lost in noise.
func TestNotConvergedIsSaid(t *testing.T) {
	rows := fixedRows(Poisson, 2000)
	far := small(Poisson)
	far.StartMean, far.Rounds = 0.05, 2
	fit := fitted(t, plan(t, far).without(), rows)
	if fit.Converged || !fit.LastStep.Capped && fit.LastStep.Norm < 0.1 {
		t.Errorf("two rounds from afar: %+v", fit.LastStep)
	}
	if !strings.Contains(fit.String(), "not converged") {
		t.Error("the account does not say so")
	}
	near := small(Poisson)
	near.StartMean, near.Rounds = 2.5, 6
	if fit = fitted(t, plan(t, near).without(), rows); !fit.Converged || fit.LastStep.Norm > 1e-6 {
		t.Errorf("six rounds from nearby: %+v", fit.LastStep)
	}
	near.Rho = 1e8 // rho 0.0001: nothing but noise
	if fit = fitted(t, plan(t, near), rows[:200]); fit.Converged || fit.LastStep.Lost == 0 {
		t.Errorf("nothing but noise: %+v", fit.LastStep)
	}
}

// The eigenvalue floor shortens steps but does not move where they lead, ridge
// does.
func TestFloorKeepsTheFixedPoint(t *testing.T) {
	rows := fixedRows(Poisson, 300)
	s := small(Poisson)
	s.Rounds, s.StartMean, s.Rho, s.Caps = 16, 2.5, 2e13, Caps{Weight: 40, Score: 40, Rows: 8, Deviance: 90, Pearson: 90}
	p := plan(t, s)
	want := fitted(t, p.without(), rows)
	d, _ := p.NewData(rows)
	beta := p.Start()
	floored := 0
	for range 300 {
		sums, err := p.without().Encode(d, 15, beta)
		if err != nil {
			t.Fatal(err)
		}
		var report StepReport
		if beta, report, err = p.Step(15, beta, sums.values); err != nil { // the floor of its noise, without the noise
			t.Fatal(err)
		}
		floored += report.Floored
	}
	if floored == 0 {
		t.Fatal("no floor was met")
	}
	for i, b := range beta.Floats() {
		if math.Abs(b-want.Terms[i].Estimate) > 1e-6 {
			t.Errorf("%s: %g, want %g", want.Terms[i].Name, b, want.Terms[i].Estimate)
		}
	}
}

// Predicted errors are what a fit of such people has, with and without noise.
func TestPrediction(t *testing.T) {
	s := small(Poisson)
	s.StartMean, s.Rho = 2.5, 8e12
	rows := fixedRows(Poisson, 4000) // two rows a person on average
	p := plan(t, s)
	// Everyone has two years of exposure: the prediction knows means only.
	got, err := p.Predict(Expectation{People: 4000, Exposure: 2})
	if err != nil {
		t.Fatal(err)
	}
	fit := fitted(t, p.without(), rows)
	noisy := fitted(t, p, rows)
	for i, term := range got.Terms {
		if r := term.Naive / fit.Terms[i].Naive; r < 0.9 || r > 1.1 {
			t.Errorf("%s: naive error %g, predicted %g", term.Name, fit.Terms[i].Naive, term.Naive)
		}
		if r := term.SE / noisy.Terms[i].SE; r < 0.75 || r > 1.33 {
			t.Errorf("%s: error %g, predicted %g", term.Name, noisy.Terms[i].SE, term.SE)
		}
	}
	if !got.Useful || len(got.Rare) != 0 {
		t.Errorf("%+v", got)
	}
	s.Rho = 5e11
	if few, _ := plan(t, s).Predict(Expectation{People: 25}); few.Useful || few.Lost == 0 {
		t.Errorf("twenty-five people are said to be enough: %+v", few)
	}
	if _, err := p.Predict(Expectation{}); err == nil {
		t.Error("nobody expected, and predicted")
	}
}

// A level that noise would drown is named before anyone approves.
func TestRareLevelsAreNamed(t *testing.T) {
	s := small(Logistic)
	s.Features[2].Levels[1].Share, s.Features[2].Levels[2].Share = 0.3, 0.0005
	got, err := plan(t, s).Predict(Expectation{People: 150_000})
	if err != nil || len(got.Rare) != 1 || got.Rare[0] != "region=west" || !got.Useful || got.Lost != 1 {
		t.Errorf("%+v, %v", got, err)
	}
}

// No step is longer than 3, however far the sum points.
func TestStepIsCapped(t *testing.T) {
	p := plan(t, small(Poisson))
	sum := encode(t, p, fixedRows(Poisson, 100), 3, p.Start())
	n := p.Columns()
	sum[n*(n+1)/2] = 1 << 59
	next, report, err := p.Step(3, p.Start(), sum)
	if err != nil {
		t.Fatal(err)
	}
	length := 0.0
	for i, b := range next.Floats() {
		b -= p.Start().Floats()[i]
		length += b * b
	}
	if !report.Capped || report.Norm != 3 || math.Abs(math.Sqrt(length)-3) > 1e-9 {
		t.Errorf("a step of %g: %+v", math.Sqrt(length), report)
	}
}

// Whatever integers arrive, the step is finite, at most 3 long and the same
// twice.
func TestStepTakesAnySum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, err := NewPlan(small(rapid.SampledFrom(families).Draw(t, "family")))
		if err != nil {
			t.Fatal(err)
		}
		top := rapid.SampledFrom([]int64{1, 1 << 20, 1 << 40, math.MaxInt64}).Draw(t, "top")
		sum := rapid.SliceOfN(rapid.Int64Range(-top, top), p.Cells(), p.Cells()).Draw(t, "sum")
		if rapid.Bool().Draw(t, "bare") {
			p = p.without()
		}
		a, report, err := p.Step(3, p.Start(), sum)
		b, _, _ := p.Step(3, p.Start(), sum)
		if err != nil || !slices.Equal(a, b) || !(report.Norm >= 0 && report.Norm <= 3) || !a.inRange() {
			t.Fatal(a, b, report, err)
		}
		fit, err := p.Fit(p.Start(), sum)
		if err != nil {
			t.Fatal(err)
		}
		for _, term := range fit.Terms {
			if math.IsNaN(term.SE) || math.IsNaN(term.Estimate) || math.IsNaN(term.Relativity) {
				t.Fatalf("%+v", term)
			}
		}
	})
}

// A plan does not change with the slices it was made from, or that it gives.
func TestPlanNeverChanges(t *testing.T) {
	s := small(Poisson)
	p := plan(t, s)
	before := encode(t, p, []Row{goodRow()}, 3, p.Start())
	s.Features[0].Hi, s.Features[2].Levels[1].Name = 200, "moon"
	p.Spec().Features[0].Hi, p.Spec().Features[2].Levels[1].Name = 300, "sun"
	blocks, _ := p.Blocks(3)
	blocks[0].Clip = 1
	if after := encode(t, p, []Row{goodRow()}, 3, p.Start()); !slices.Equal(before, after) {
		t.Errorf("%v became %v", before, after)
	}
}

// BenchmarkRound is one node's and one solver's work in a round.
func BenchmarkRound(b *testing.B) {
	for _, columns := range []int{40, 126} {
		s := small(Poisson)
		for i := range columns - 5 {
			s.Features = append(s.Features, Feature{Name: fmt.Sprint(i), Hi: 1})
		}
		p := plan(b, s)
		rows := fixedRows(Poisson, 500)
		for i := range rows {
			for j := range columns - 5 {
				rows[i].Values = append(rows[i].Values, Value{Number: float64((i*7919+j*104729)%1000) / 1000})
			}
		}
		d, err := p.NewData(rows)
		if err != nil {
			b.Fatal(err)
		}
		sums, err := p.Encode(d, 3, p.Start())
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("encode/%d", columns), func(b *testing.B) {
			for range b.N {
				if _, err := p.Encode(d, 3, p.Start()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(rows)), "ns/row")
		})
		b.Run(fmt.Sprintf("noise/%d", columns), func(b *testing.B) {
			for range b.N {
				if _, err := p.DrawNoise(3); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("step/%d", columns), func(b *testing.B) {
			for range b.N {
				if _, _, err := p.Step(3, p.Start(), sums.values); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
