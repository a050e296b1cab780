package glm

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/qunxiang/qunxiang/dp/dptest"
)

// Every block's sum carries the noise that the plan states, of all nodes' shares
// and of the honest ones' alone. False alarm 1e-6 a case.
func TestNoiseIsAsPlanned(t *testing.T) {
	s := small(Poisson)
	s.Nodes, s.Colluders = 5, 2
	p := plan(t, s)
	last := p.Rounds() - 1
	all, honest := map[string][]float64{}, map[string][]float64{}
	sum, part := make([]int64, p.Cells()), make([]int64, p.Cells())
	for range 400 {
		clear(sum)
		for node := range s.Nodes {
			for i, x := range draw(t, p, last) {
				sum[i] += x
			}
			if node == s.Nodes-s.Colluders-1 {
				copy(part, sum)
			}
		}
		for _, b := range p.rounds[last] {
			for i := b.From; i < b.To; i++ {
				all[b.Name] = append(all[b.Name], p.real(sum[i]))
				honest[b.Name] = append(honest[b.Name], p.real(part[i]))
			}
		}
	}
	for _, b := range p.rounds[last] {
		dptest.AssertSigma(t, all[b.Name], p.Sigma(b), 1e-6)
		want := p.real(b.Clip) / math.Sqrt(2*float64(b.Rho)/1e12)
		dptest.AssertSigma(t, honest[b.Name], want, 1e-6)
	}
	for _, x := range draw(t, p, 0)[p.Cells()-4:] {
		if x != 0 {
			t.Error("a cell that is not sent has noise")
		}
	}
}

// The budget goes where the recipe says: 1:1:2:12, a quarter to H, a twentieth
// to the tail, and the whole never costs more than the card says.
func TestBudget(t *testing.T) {
	one := plan(t, small(Poisson))
	for places := 1; places <= 3; places++ {
		s := small(Poisson)
		s.Places = places
		p := plan(t, s)
		for r, weight := range []float64{1, 1, 2, 12} {
			blocks := p.rounds[r]
			round := 0.95 * float64(s.Rho) * weight / 16
			if math.Abs(float64(blocks[0].Rho)-round/4) > 2 || math.Abs(float64(blocks[1].Rho)-round*3/4) > 2 {
				t.Errorf("round %d: %d and %d of %g", r, blocks[0].Rho, blocks[1].Rho, round)
			}
			if (len(blocks) == 6) != (r == 3) {
				t.Errorf("round %d sends %d blocks", r, len(blocks))
			}
		}
		for _, b := range p.rounds[3] {
			if want := float64(places) * one.Sigma(one.rounds[3][0]) / one.real(one.rounds[3][0].Clip) * p.real(b.Clip); b.Name == "hessian" && math.Abs(p.Sigma(b)/want-1) > 1e-6 {
				t.Errorf("%d places: noise %g, want %g", places, p.Sigma(b), want)
			}
		}
		cost, err := p.Cost()
		if err != nil || cost.Rho > s.Rho || float64(cost.Rho) < 0.999*float64(s.Rho) {
			t.Errorf("%d places: cost %+v of %d, %v", places, cost, s.Rho, err)
		}
		alone, err := p.RoundCostAgainst(3, 2)
		own, _ := p.RoundCost(3)
		if err != nil || math.Abs(alone.RhoFloat()/own.RhoFloat()-2) > 1e-6 {
			t.Errorf("against both others %v, against one %v, %v", alone, own, err)
		}
	}
}

// An attacker who knows everything but whether one person, at every bound, is in
// the data, subtracts the own noise and the rest of the data, and weighs H and g
// by their noise. The best test errs as often as the charge allows and no
// less: exact binomial tails, false alarm 1e-6. What it proves of the cost, with
// confidence 1 - 1e-6, is at most what is charged and not far below.
func TestAuditOfOnePerson(t *testing.T) {
	s := small(Poisson)
	s.Rho, s.Caps = 4e12, Caps{Weight: 0.5, Score: 0.5, Rows: 8}
	p := plan(t, s)
	const round, trials = 3, 20_000
	row := Row{Person: "p", Response: 50, Values: []Value{{Number: 0}, {Number: 5}, {Level: "west"}}}
	moved := encode(t, p, []Row{row, row}, round, p.Start())
	blocks := p.rounds[round][:2]
	rho := 0.0
	for _, b := range blocks {
		if reach := length(moved[b.From:b.To]) / float64(b.Clip); reach < 0.999 {
			t.Fatalf("the person reaches %g of the bound of %s", reach, b.Name)
		}
		rho += float64(b.Rho) / 1e12
	}
	right := 0
	for trial := range trials {
		seen := 0.0
		for node := range p.spec.Nodes - p.spec.Colluders {
			one := draw(t, p, round)
			for _, b := range blocks {
				sigma := float64(b.Clip) / math.Sqrt(2*float64(b.Rho)/1e12)
				for i := b.From; i < b.To; i++ {
					x := float64(one[i])
					if node == 0 && trial%2 == 0 {
						x += float64(moved[i])
					}
					seen += x * float64(moved[i]) / (sigma * sigma)
				}
			}
		}
		if (seen > rho) == (trial%2 == 0) {
			right++
		}
	}
	// Signal 2 rho, deviation sqrt(2 rho), threshold in the middle.
	dptest.AssertBinomial(t, right, trials, 0.5*math.Erfc(-math.Sqrt(2*rho)/2/math.Sqrt2), 1e-6)
	// Who is right with probability a has seen a shift of 2 normal(a) deviations, which
	// costs half its square.
	shift := 2 * math.Sqrt2 * math.Erfinv(2*leastChance(right, trials, 1e-6)-1)
	proven := shift * shift / 2
	t.Logf("right %.4f of the time: a cost of at least %.3f, charged %.3f", float64(right)/trials, proven, rho)
	if proven > rho || proven < 0.8*rho {
		t.Errorf("the attacker proves a cost of %.3f, charged are %.3f", proven, rho)
	}
}

// leastChance is the lower end of the exact (Clopper-Pearson) interval: were the chance
// lower, so many hits would come less often than alpha.
func leastChance(hits, trials int, alpha float64) float64 {
	lgamma := func(n int) float64 { v, _ := math.Lgamma(float64(n + 1)); return v }
	tail := func(p float64) (sum float64) {
		for k := hits; k <= trials; k++ {
			sum += math.Exp(lgamma(trials) - lgamma(k) - lgamma(trials-k) + float64(k)*math.Log(p) + float64(trials-k)*math.Log1p(-p))
		}
		return sum
	}
	low, high := 0.0, 1.0
	for range 60 {
		if p := (low + high) / 2; tail(p) < alpha {
			low = p
		} else {
			high = p
		}
	}
	return low
}

// Sums and noise serve once, together, in their own round, and show nothing.
func TestNoisyServesOnce(t *testing.T) {
	p := plan(t, small(Poisson))
	d, err := p.NewData([]Row{goodRow()})
	if err != nil {
		t.Fatal(err)
	}
	both := func(r int) (*Sums, *Noise) {
		sums, err := p.Encode(d, r, p.Start())
		if err != nil {
			t.Fatal(err)
		}
		noise, err := p.DrawNoise(r)
		if err != nil {
			t.Fatal(err)
		}
		return sums, noise
	}
	sums, noise := both(0)
	later, fresh := both(1)
	for _, x := range []any{sums, noise} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%d", "%s"} {
			if got := fmt.Sprintf(verb, x); got != redacted {
				t.Errorf("%s prints %s", verb, got)
			}
		}
	}
	want := slices.Clone(sums.values)
	for i, x := range noise.values {
		want[i] += x
	}
	if _, err := sums.Noisy(fresh); !errors.Is(err, ErrMismatch) {
		t.Error("noise of another round:", err)
	}
	if got, err := sums.Noisy(noise); err != nil || !slices.Equal(got, want) {
		t.Error(got, err)
	}
	again, _ := both(0)
	for name, err := range map[string]error{
		"no noise": second(later.Noisy(nil)), "sums twice": second(sums.Noisy(fresh)), "noise twice": second(again.Noisy(noise)),
	} {
		if !errors.Is(err, ErrMismatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
