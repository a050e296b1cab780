package dp

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"math"
	"testing"

	"github.com/qunxiang/qunxiang/dp/internal/normal"
	"gonum.org/v1/gonum/stat/distuv"
)

// attackAlarm is the false-alarm rate of every bound of the attacks below.
const attackAlarm = 1e-6

// target is who the attacker asks about, alone with a rare value everywhere.
var target = []int64{2, 2, 2}

// attacked is a question about three attributes, a population that the attacker
// knows to the last person, and the same with the target.
func attacked(t *testing.T, synthetic int, rho float64) (p *Plan, m *measure, out, in []int64) {
	t.Helper()
	s := Spec{L0: 1, K: 20, MaxRows: 1, MaxPeople: 1000, Columns: []string{"a", "b", "c"}}
	m0 := Measure{Name: "m", Kind: KindMarginals, Rows: 1, Synthetic: synthetic}
	for _, c := range s.Columns {
		m0.Attributes = append(m0.Attributes, Attribute{Name: c, Column: c, Values: []string{"0", "1", "2"}})
	}
	s.Measures = []Measure{m0}
	p = mustPrice(t, s, Want{Rho: rho}, DeltaRule{Fixed: 1e-9})
	cells := func(n int) []int64 {
		st := newState(p.c, [16]byte{1})
		b := &Batch{Keys: make([][16]byte, n), Values: make([][]int64, 3)}
		for i := range n {
			b.Keys[i] = [16]byte{byte(i), byte(i >> 8)}
			b.Person, b.Group = append(b.Person, uint32(i)), append(b.Group, 0)
			for c := range 3 {
				v := int64((i >> c) % 2)
				if i == 100 {
					v = target[c]
				}
				b.Values[c] = append(b.Values[c], v)
			}
		}
		if err := seal(st).AddRange(b); err != nil {
			t.Fatal(err)
		}
		return st.cells
	}
	return p, &p.c.measures[0], cells(100), cells(101)
}

// likelihood is the logarithm of how much likelier the noisy cells are with the
// target (in) than without (out), both worlds being known exactly: the most
// powerful statistic there is (Neyman and Pearson).
func likelihood(p *Plan, m *measure, n *noisyMarginals, out, in []int64) float64 {
	sum, sigmas := 0.0, p.sigmas()
	add := func(y, x0, x1 int64, channel int) {
		s := sigmas[channel]
		sum += (float64(x1) - float64(x0)) * (float64(y) - (float64(x0)+float64(x1))/2) / (s * s)
	}
	add(n.people, out[0], in[0], 0)
	for a, one := range n.one {
		x0, x1 := m.oneWay(out, a), m.oneWay(in, a)
		for i, y := range one {
			add(y, x0[i], x1[i], m.channels[0])
		}
	}
	shares := m.shares(n)
	for i, t := range m.pairs {
		add(n.scores[i], t.distance(out, shares[t.a], shares[t.b], n.total()), t.distance(in, shares[t.a], shares[t.b], n.total()), m.channels[1])
	}
	for at, i := range n.tree {
		t := m.pairs[i]
		for j, y := range n.pairs[at] {
			add(y, out[t.offset+j], in[t.offset+j], m.channels[2])
		}
	}
	return sum
}

func drawn(t *testing.T, p *Plan, m *measure, cells []int64) *noisyMarginals {
	t.Helper()
	people, err := p.add(gaussian{}, cells[0], 0)
	if err != nil {
		t.Fatal(err)
	}
	n, err := p.drawMarginals(gaussian{}, m, cells, people)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// The best attack on the noisy cells themselves is right as often as Gaussian
// noise of the declared rho lets it, Phi(sqrt(rho/2)), and no oftener: 4,000
// guesses, half of them about populations with the target (false alarm 1e-6).
// Noise too small, draws left out of the account and data read past the noise all
// show here.
func TestBestAttackOnNoisyCells(t *testing.T) {
	p, m, out, in := attacked(t, 1, 0.3)
	const trials = 2000
	right, caught, falsely := 0, 0, 0
	for range trials {
		if likelihood(p, m, drawn(t, p, m, in), out, in) > 0 {
			right++
			caught++
		}
		if likelihood(p, m, drawn(t, p, m, out), out, in) <= 0 {
			right++
		} else {
			falsely++
		}
	}
	want := normal.Upper(-math.Sqrt(p.Cost().RhoFloat() / 2))
	sd := math.Sqrt(want * (1 - want) / (2 * trials))
	z := distuv.UnitNormal.Quantile(1 - attackAlarm/2)
	if got := float64(right) / (2 * trials); math.Abs(got-want) > z*sd {
		t.Errorf("the attack is right in %.4f of cases, %.4f +- %.4f is what rho %g means", got, want, z*sd, p.Cost().RhoFloat())
	}
	assertPrivate(t, p, caught, falsely, trials)
}

// assertPrivate holds an attack's hits among trials with the target and false
// hits among as many without against caught <= e^epsilon falsely + delta, for
// several (epsilon, delta) that the cost implies: the attack fails the test only
// if, at 99.9999 % confidence, it does better (Clopper-Pearson on both rates,
// Bonferroni over both and over the deltas: false alarm 1e-6 together).
func assertPrivate(t *testing.T, p *Plan, caught, falsely, trials int) {
	t.Helper()
	deltas := []float64{0.01, 0.03, 0.1, 0.2}
	each := attackAlarm / float64(4*len(deltas))
	for _, d := range deltas {
		e := math.Exp(Epsilon(Cost{Rho: p.Cost().Rho}, d))
		for _, c := range [][2]int{{caught, falsely}, {trials - falsely, trials - caught}} { // either guess
			least, most := clopper(c[0], trials, each, false), clopper(c[1], trials, each, true)
			if least > e*most+d {
				t.Errorf("hits of at least %.4f against false ones of at most %.4f: e^epsilon %.3f, delta %g (false alarm %g)", least, most, e, d, attackAlarm)
			}
		}
	}
}

// clopper is the one-sided Clopper-Pearson bound of a rate.
func clopper(hits, trials int, alarm float64, upper bool) float64 {
	h, n := float64(hits), float64(trials)
	switch {
	case upper && hits == trials:
		return 1
	case upper:
		return distuv.Beta{Alpha: h + 1, Beta: n - h}.Quantile(1 - alarm)
	case hits == 0:
		return 0
	}
	return distuv.Beta{Alpha: h, Beta: n - h + 1}.Quantile(alarm)
}

// near counts the synthetic rows at most one attribute away from the target.
func near(rows [][]string) float64 {
	n := 0.0
	for _, row := range rows {
		same := 0
		for c, v := range row {
			if v == fmt.Sprint(target[c]) {
				same++
			}
		}
		if same >= len(target)-1 {
			n++
		}
	}
	return n
}

// Looking for the target's nearest records among 2,000 synthetic rows does no
// better than the declared cost allows, at the threshold that serves the attack
// best: half of 600 trials choose it, the other half count (false alarm 1e-6).
func TestNearestRecordAttackOnSyntheticRows(t *testing.T) {
	p, m, out, in := attacked(t, 2000, 0.3)
	const trials = 600
	sigmas := p.sigmas()
	attack := func(cells []int64) []float64 {
		scores := make([]float64, trials)
		for i := range scores {
			got, err := m.marginals(drawn(t, p, m, cells), [3]float64{sigmas[1], sigmas[2], sigmas[3]}, rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			scores[i] = near(got.Marginals.Synthetic.Rows)
		}
		return scores
	}
	with, without := attack(in), attack(out)
	over := func(scores []float64, least float64) int {
		n := 0
		for _, s := range scores {
			if s >= least {
				n++
			}
		}
		return n
	}
	best, threshold := -1, 0.0
	for _, s := range with[:trials/2] {
		if gain := over(with[:trials/2], s) - over(without[:trials/2], s); gain > best {
			best, threshold = gain, s
		}
	}
	caught, falsely := over(with[trials/2:], threshold), over(without[trials/2:], threshold)
	t.Logf("threshold %g: caught %d, falsely %d of %d", threshold, caught, falsely, trials/2)
	assertPrivate(t, p, caught, falsely, trials/2)
}

// What is made of the noisy numbers depends on nothing else: equal noisy numbers
// and equal random bits give equal tables and synthetic rows, and without random
// bits there are none.
func TestSyntheticRowsSeeOnlyNoisyNumbers(t *testing.T) {
	p, m, out, _ := attacked(t, 50, 0.3)
	n := drawn(t, p, m, out)
	bits := make([]byte, 8*3*50+4096)
	if _, err := rand.Read(bits); err != nil {
		t.Fatal(err)
	}
	render := func() string {
		got, err := m.marginals(n, [3]float64{1, 1, 1}, bytes.NewReader(bits))
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(got.Values, got.Marginals)
	}
	if first := render(); first != render() {
		t.Error("two answers from the same noisy numbers")
	}
	if _, err := m.marginals(n, [3]float64{1, 1, 1}, bytes.NewReader(nil)); err == nil {
		t.Error("rows without randomness")
	}
}
