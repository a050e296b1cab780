package dp

import (
	"math"
	"math/rand/v2"
	"testing"
)

// By hand: at risk 100, 80, 40. Events 10, 8, 4; competing 6, 4, 10; censored
// 4, 28, 26. Free: 84/100, times 68/80, times 26/40. Incidence: 10/100, plus
// 0.84*8/80, plus 0.714*4/40.
var handCells = []float64{4, 10, 6, 28, 8, 4, 26, 4, 10}

func TestAalenJohansenByHand(t *testing.T) {
	got := aalenJohansen(handCells, 0, 20)
	free := []float64{0.84, 0.714, 0.4641}
	had := []float64{0.1, 0.184, 0.2554}
	for j := range had {
		if math.Abs(got[j].survival.survival-free[j]) > 1e-12 || math.Abs(got[j].incidence.survival-had[j]) > 1e-12 {
			t.Errorf("step %d: free %.12g, incidence %.12g, want %g and %g", j, got[j].survival.survival, got[j].incidence.survival, free[j], had[j])
		}
		if s := got[j].incidence; s.noise != 0 || got[j].survival.noise != 0 {
			t.Errorf("step %d has noise without any", j)
		}
	}
	if n := len(aalenJohansen(handCells, 0, 41)); n != 2 {
		t.Errorf("with k = 41 there are %d positions, want 2: 40 at risk are too few", n)
	}
	// sigma 7: three deviations of the sum of 3, 6 or 9 cells are 36, 51, 63.
	if n := len(aalenJohansen(handCells, 7, 20)); n != 2 {
		t.Errorf("with noise there are %d positions, want 2", n)
	}
}

// textbook is the delta-method variance of the incidence written as one sum over
// the steps before (Gaynor and others 1993), not as a recursion.
func textbook(cells []float64) (free, had, freeSD, hadSD []float64) {
	t := len(cells) / 3
	n, h1, h2 := make([]float64, t), make([]float64, t), make([]float64, t)
	for j := range t {
		for _, x := range cells[3*j:] {
			n[j] += x
		}
		h1[j], h2[j] = cells[3*j+1]/n[j], cells[3*j+2]/n[j]
	}
	before := func(j int) float64 { // free just before j
		s := 1.0
		for i := range j {
			s *= 1 - h1[i] - h2[i]
		}
		return s
	}
	upto := func(j int) float64 { // incidence after j
		f := 0.0
		for i := range j + 1 {
			f += before(i) * h1[i]
		}
		return f
	}
	for j := range t {
		f, v, green := upto(j), 0.0, 0.0
		for i := range j + 1 {
			h := h1[i] + h2[i]
			later := (f - upto(i)) / (1 - h)
			a, b := before(i)-later, -later // after h1 and h2 of step i
			v += (a*a*h1[i]*(1-h1[i]) + b*b*h2[i]*(1-h2[i]) - 2*a*b*h1[i]*h2[i]) / n[i]
			green += h / ((1 - h) * n[i])
		}
		free, had = append(free, before(j+1)), append(had, f)
		freeSD, hadSD = append(freeSD, before(j+1)*math.Sqrt(green)), append(hadSD, math.Sqrt(v))
	}
	return free, had, freeSD, hadSD
}

// Without noise the estimates and their sampling deviations are the textbook's.
func TestAalenJohansenIsTheTextbooks(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for range 200 {
		cells := make([]float64, 3*(1+r.IntN(20)))
		for i := range cells {
			cells[i] = float64(1 + r.IntN(50))
		}
		free, had, freeSD, hadSD := textbook(cells)
		got := aalenJohansen(cells, 0, 0)
		for j := range got {
			for _, d := range []float64{
				got[j].survival.survival - free[j], got[j].incidence.survival - had[j],
				got[j].survival.greenwood - freeSD[j], got[j].incidence.greenwood - hadSD[j],
			} {
				if math.Abs(d) > 1e-12 {
					t.Fatalf("cells %v, step %d: off by %g", cells, j, d)
				}
			}
		}
	}
}

// Without a competing event, incidence is one less survival, and Greenwood's.
func TestNoCompetingEventIsKaplanMeier(t *testing.T) {
	two := []float64{5, 40, 30, 25, 10, 33, 200, 12}
	three := []float64{}
	for j := range len(two) / 2 {
		three = append(three, two[2*j], two[2*j+1], 0)
	}
	km := kaplanMeier(two, 0, 0)
	for j, f := range aalenJohansen(three, 0, 0) {
		for _, d := range []float64{
			f.survival.survival - km[j].survival, f.incidence.survival - (1 - km[j].survival),
			f.survival.greenwood - km[j].greenwood, f.incidence.greenwood - km[j].greenwood,
		} {
			if math.Abs(d) > 1e-12 {
				t.Errorf("step %d: off by %g", j, d)
			}
		}
	}
}

// The noise deviations against differences of the estimates themselves.
func TestAalenJohansenNoiseIsTheGradient(t *testing.T) {
	at := func(cells []float64, j int) (float64, float64) {
		f := aalenJohansen(cells, 1, 0)[j]
		return f.survival.survival, f.incidence.survival
	}
	many := append([]float64{}, handCells...)
	for i := range many {
		many[i] *= 10
	}
	for j, f := range aalenJohansen(many, 1, 0) {
		var free, had float64
		for i := range many {
			up, down := append([]float64(nil), many...), append([]float64(nil), many...)
			up[i] += 1e-3
			down[i] -= 1e-3
			us, uf := at(up, j)
			ds, df := at(down, j)
			free += (us - ds) * (us - ds) / 4e-6
			had += (uf - df) * (uf - df) / 4e-6
		}
		if math.Abs(f.survival.noise-math.Sqrt(free)) > 1e-8 || math.Abs(f.incidence.noise-math.Sqrt(had)) > 1e-8 {
			t.Errorf("step %d: deviations %g and %g, by differences %g and %g", j, f.survival.noise, f.incidence.noise, math.Sqrt(free), math.Sqrt(had))
		}
	}
}

// Both bands hold the truth of the population that people were drawn from, where
// sampling dominates and where noise does: 800 cohorts of 12 positions each.
// Positions of a cohort are dependent; even were there only 800 independent
// ones, a true coverage of 0.95 leaves 0.93 to 0.97 with probability 0.01. The
// seeds are fixed.
func TestIncidenceBandsCover(t *testing.T) {
	for _, rho := range []float64{0.05, 0.001} {
		incidenceCoverage(t, rho)
	}
}

func incidenceCoverage(t *testing.T, rho float64) {
	const positions, people = 12, 2500
	s := survivalSpec(positions)
	s.Measures[0].Competing = true
	p := mustPrice(t, s, Want{Rho: rho}, DeltaRule{Fixed: 1e-9})
	noise := newQuick(p, 5)
	r := rand.New(rand.NewPCG(6, 6))
	held, all := [2]int{}, [2]int{}
	for range 800 {
		st := newState(p.c, [16]byte{})
		st.cells[0] = people
		for range people {
			st.cells[p.c.channels[1].offset+fateOf(r, positions)]++
		}
		got, err := p.table(st, noise)
		if err != nil {
			t.Fatal(err)
		}
		for curve, m := range got.Groups[0].Measures[1:] {
			free, had := 1.0, 0.0
			for _, pt := range m.Values[:min(len(m.Values), positions-1)] {
				had += free * 0.04
				free *= 0.93
				truth := [2]float64{free, had}[curve]
				all[curve]++
				if pt.Low <= truth && truth <= pt.High {
					held[curve]++
				}
			}
		}
	}
	for curve, name := range []string{"free", "incidence"} {
		share := float64(held[curve]) / float64(all[curve])
		t.Logf("rho %g: %s bands hold the truth in %.4f of %d", rho, name, share, all[curve])
		if share < 0.93 || share > 0.97 || all[curve] < 3000 {
			t.Errorf("rho %g: %s bands hold the truth in %.4f of %d", rho, name, share, all[curve])
		}
	}
}

// fateOf draws one person's cell: each step 4 % an event, 3 % a competing one,
// 2 % of the rest lost.
func fateOf(r *rand.Rand, positions int) int {
	for j := range positions - 1 {
		switch x := r.Float64(); {
		case x < 0.04:
			return 3*j + 1
		case x < 0.07:
			return 3*j + 2
		case r.Float64() < 0.02:
			return 3 * j
		}
	}
	return 3 * (positions - 1)
}

// The whole way without noise: rows in, both curves out, the competing event of
// an earlier position winning over an event of a later one.
func TestCompetingThroughRelease(t *testing.T) {
	s := survivalSpec(3)
	s.Measures[0].Competing = true
	p := mustPrice(t, s, Want{Rho: 0.5}, DeltaRule{Fixed: 1e-9})
	st := newState(p.c, [16]byte{})
	b := &Batch{Values: make([][]int64, 2)}
	add := func(person int, at, event int64) {
		b.Person, b.Group = append(b.Person, uint32(person)), append(b.Group, 0)
		b.Values[0], b.Values[1] = append(b.Values[0], at), append(b.Values[1], event)
	}
	for j, x := range handCells {
		for range 10 * int(x) {
			person := len(b.Keys)
			b.Keys = append(b.Keys, [16]byte{byte(person), byte(person >> 8), 1})
			if j%3 != 1 {
				add(person, int64(j/3)+1, 1) // too late to count, or off the axis
			} else {
				add(person, int64(j/3), 2) // an event comes before a competing one
			}
			add(person, int64(j/3), int64(j%3))
		}
	}
	if err := seal(st).AddRange(b); err != nil {
		t.Fatal(err)
	}
	table, err := p.table(st, silent{})
	if err != nil {
		t.Fatal(err)
	}
	free, had := table.Groups[0].Measures[1], table.Groups[0].Measures[2]
	if free.Name != "curve" || had.Name != "curve_incidence" {
		t.Fatalf("%s and %s", free.Name, had.Name)
	}
	for j, want := range []float64{0.1, 0.184, 0.2554} {
		if math.Abs(had.Values[j].Value-want) > 1e-12 || had.Values[j].At != s.Measures[0].Positions[j] {
			t.Errorf("incidence %+v, want %g", had.Values[j], want)
		}
	}
	if math.Abs(free.Values[2].Value-0.4641) > 1e-12 {
		t.Errorf("free %+v", free.Values[2])
	}
}
