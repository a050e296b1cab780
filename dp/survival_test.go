package dp

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Survival bands carry noise and sampling: they hold the survival of the
// population that people were drawn from, where sampling dominates and where
// noise does. 800 cohorts of 12 positions each. Positions of a cohort are
// dependent; even were there only 800 independent ones, a true coverage of 0.95
// leaves 0.93 to 0.97 with probability 0.01. The seeds are fixed.
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

// The whole way without noise, against the product of (1 - events/at risk)
// counted person by person.
func TestKaplanMeierIsTheTextbooks(t *testing.T) {
	const positions = 24
	s := survivalSpec(positions)
	p := mustPrice(t, s, Want{Rho: 0.5}, DeltaRule{Fixed: 1e-9})
	st := newState(p.c, [16]byte{})
	r := rand.New(rand.NewPCG(14, 2))
	b := &Batch{Values: make([][]int64, 2)}
	for i := range 5000 {
		b.Keys = append(b.Keys, [16]byte{byte(i), byte(i >> 8), 7})
		b.Person, b.Group = append(b.Person, uint32(i)), append(b.Group, 0)
		b.Values[0], b.Values[1] = append(b.Values[0], r.Int64N(positions)), append(b.Values[1], r.Int64N(2))
	}
	if err := seal(st).AddRange(b); err != nil {
		t.Fatal(err)
	}
	table, err := p.table(st, silent{})
	if err != nil {
		t.Fatal(err)
	}
	curve := table.Groups[0].Measures[1].Values
	if len(curve) < 20 {
		t.Fatalf("the curve ends after %d positions", len(curve))
	}
	survival := 1.0
	for j, pt := range curve {
		risk, events := 0.0, 0.0
		for i, at := range b.Values[0] {
			if at >= int64(j) {
				risk++
			}
			if at == int64(j) && b.Values[1][i] == 1 {
				events++
			}
		}
		survival *= 1 - events/risk
		if math.Abs(pt.Value-survival) > 1e-12 {
			t.Errorf("position %d: %g, want %g", j, pt.Value, survival)
		}
	}
}
