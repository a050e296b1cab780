package glm

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/qunxiang/qunxiang/dp/dptest"
	"pgregory.net/rapid"
)

func smallNetwork(f Family, hidden ...int) NetworkSpec {
	s := small(f)
	s.Rounds = 20
	return NetworkSpec{Model: s, Hidden: hidden, Seed: 5, Rate: 0.5, Momentum: 0.5, People: 300, ClipNorm: 2}
}

func network(t testing.TB, s NetworkSpec) *Network {
	t.Helper()
	n, err := NewNetwork(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *Network) without() *Network { q := *n; q.unprotected = true; return &q }

func gradient(t interface{ Fatal(...any) }, n *Network, rows []Row, state Coefficients) []int64 {
	d, err := n.NewData(rows)
	if err != nil {
		t.Fatal(err)
	}
	sums, err := n.Encode(d, 0, state)
	if err != nil {
		t.Fatal(err)
	}
	return sums.values
}

// unclipped is the sum of the rows' gradients as they are, neither clipped nor held
// to what fits the secure sum.
func unclipped(t interface{ Fatal(...any) }, n *Network, rows []Row, state Coefficients) []int64 {
	d, err := n.NewData(rows)
	if err != nil {
		t.Fatal(err)
	}
	b := n.newPass(state)
	b.scale, b.gradient = gradientClip/n.net.ClipNorm, make([]int64, n.total)
	for r := range d.y {
		b.row(d, r)
	}
	return b.gradient
}

// The gradient is the derivative of minus half the deviance by each weight, found
// by moving the weight.
func TestNetworkGradient(t *testing.T) {
	for _, f := range families {
		for _, rectified := range []bool{false, true} {
			s := smallNetwork(f, 4, 3)
			s.Rectified, s.ClipNorm, s.Model.Caps = rectified, 1e-3, Caps{}
			n := network(t, s).without()
			rows := fixedRows(f, 1)
			d, err := n.NewData(rows)
			if err != nil {
				t.Fatal(err)
			}
			loss := func(state Coefficients) float64 {
				b, sum := n.newPass(state), 0.0
				for r := range d.y {
					sum += n.model.at(b.forward(d, r), d.y[r], true).deviance / 2
				}
				return sum
			}
			state := n.Start()
			for i := range n.total {
				state[i] += coefficient(0.01 * float64(i%7-3))
			}
			got := gradient(t, n, rows, state)
			for i := range n.total {
				up, down := slices.Clone(state), slices.Clone(state)
				up[i] += coefficient(1e-5)
				down[i] -= coefficient(1e-5)
				want := -(loss(up) - loss(down)) / 2e-5
				if g := float64(got[i]) * s.ClipNorm / gradientClip; math.Abs(g-want) > 1e-5*(1+math.Abs(want)) {
					t.Errorf("%s, rectified %v: weight %d has gradient %g, want %g", f, rectified, i, g, want)
				}
			}
		}
	}
}

// A person moves the sum by at most 2^17 whatever the rows and weights, and rows
// are added before the person is clipped.
func TestNetworkBoundsOnePerson(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := smallNetwork(rapid.SampledFrom(families).Draw(t, "family"), 3)
		n, err := NewNetwork(s)
		if err != nil {
			t.Fatal(err)
		}
		state := n.Start()
		for i := range n.total {
			state[i] += coefficient(rapid.Float64Range(-5, 5).Draw(t, "w"))
		}
		rows := drawRows(t, s.Model, 1)
		got, want := gradient(t, n, rows, state), unclipped(t, n, rows, state)
		clip(want, gradientClip)
		if !within(got, 1, gradientClip) || !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
	})
}

// goldenNetwork is the hash of the state after twenty clipped steps without
// noise, the same on every machine and for every split of the people.
const goldenNetwork = "8ee4795ddedeaac2"

func TestNetworkGolden(t *testing.T) {
	n, rows := network(t, smallNetwork(Poisson, 5, 3)), fixedRows(Poisson, 300)
	for _, nodes := range []int{1, 3, 7} {
		parts := make([]*Data, nodes)
		for i := range parts {
			var own []Row
			for _, r := range rows {
				if int(r.Person[len(r.Person)-1])%nodes == i {
					own = append(own, r)
				}
			}
			var err error
			if parts[i], err = n.NewData(own); err != nil {
				t.Fatal(err)
			}
		}
		state := n.Start()
		for step := range n.Rounds() {
			sum := make([]int64, n.Cells())
			for _, d := range parts {
				sums, err := n.Encode(d, step, state)
				if err != nil {
					t.Fatal(err)
				}
				for i, x := range sums.values {
					sum[i] += x
				}
			}
			var err error
			if state, _, err = n.Step(step, state, sum); err != nil {
				t.Fatal(err)
			}
		}
		hash := state.Hash()
		if got := hex.EncodeToString(hash[:8]); got != goldenNetwork {
			t.Errorf("%d nodes: %q, want %q", nodes, got, goldenNetwork)
		}
	}
}

// With noise on, a network learns what no linear predictor can: the sign of a
// product. Its training is random; it misses 0.85 less than once in a thousand.
func TestNetworkLearns(t *testing.T) {
	s := smallNetwork(Logistic, 8)
	s.Model.Features = s.Model.Features[:2]
	s.Model.Rounds, s.Model.Rho, s.People, s.Rate, s.Momentum = 150, 2e12, 6000, 4, 0.8
	s.Model.StartMean, s.ClipNorm = 0.5, 1
	n := network(t, s)
	r := rand.New(rand.NewPCG(1, 2))
	make1 := func(i int) Row {
		a, b := 2*r.Float64()-1, 2*r.Float64()-1
		y := 0.0
		if a*b > 0 {
			y = 1
		}
		return Row{Person: fmt.Sprint(i), Response: y, Values: []Value{{Number: 50 + 50*a}, {Number: 5 * b}}}
	}
	var data []*Data
	for node := range 3 {
		var rows []Row
		for i := range 2000 {
			rows = append(rows, make1(node*2000+i))
		}
		d, err := n.NewData(rows)
		if err != nil {
			t.Fatal(err)
		}
		data = append(data, d)
	}
	state := n.Start()
	for step := range n.Rounds() {
		sum := make([]int64, n.Cells())
		for _, d := range data {
			sums, err := n.Encode(d, step, state)
			if err != nil {
				t.Fatal(err)
			}
			noise, err := n.DrawNoise(step)
			if err != nil {
				t.Fatal(err)
			}
			mine, err := sums.Noisy(noise)
			if err != nil {
				t.Fatal(err)
			}
			for i, x := range mine {
				sum[i] += x
			}
		}
		state, _, _ = n.Step(step, state, sum)
	}
	right := 0
	for i := range 1000 {
		row := make1(i)
		p, err := n.Mean(state, row)
		if err != nil {
			t.Fatal(err)
		}
		if (p > 0.5) == (row.Response == 1) {
			right++
		}
	}
	t.Logf("%d of 1000 right", right)
	if right < 850 {
		t.Errorf("%d of 1000 right", right)
	}
}

// The honest shares of a step carry what its cost was computed from. False alarm
// 1e-6.
func TestNetworkNoise(t *testing.T) {
	n := network(t, smallNetwork(Poisson, 40, 40))
	sum := make([]float64, n.Cells())
	for range 2 {
		noise, err := n.DrawNoise(0)
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range noise.values {
			sum[i] += float64(x)
		}
	}
	cost, err := n.RoundCost(0)
	if err != nil || cost.Rho > n.spec.Rho/20 {
		t.Fatal(cost, err)
	}
	dptest.AssertSigma(t, sum, gradientClip/math.Sqrt(2*cost.RhoFloat()), 1e-6)
	all, err := n.Cost()
	if err != nil || all.Rho != 20*cost.Rho {
		t.Error(all, err)
	}
	far := &Sums{of: n, limit: n.Limit(), values: []int64{1 << 60, -1 << 60}}
	held, err := far.Noisy(&Noise{of: n, values: make([]int64, 2)})
	if err != nil || held[0] != n.Limit() || held[1] != -n.Limit() || n.Limit()*3 >= 1<<35 {
		t.Error("held to", held, err)
	}
}

// Where more gradients agree than the secure sum holds, the sum is cut off before the
// noise and never by it: 11 standard deviations of it arrive whole.
func TestNetworkNoiseIsNotCutOff(t *testing.T) {
	s := smallNetwork(Poisson, 2)
	s.Model.Nodes, s.ClipNorm, s.Model.StartMean = 100, 1e-3, 1
	n := network(t, s)
	share, _ := n.shares.ShareVariance().Float64()
	z := int64(11 * math.Sqrt(share))
	state := make(Coefficients, 2*n.total) // all of a gradient is that of the last bias
	bias := n.total - 1
	for _, people := range []int{1000, int(n.Agreeing()), 3000} {
		var rows []Row
		for i := range people {
			rows = append(rows, goodRow())
			rows[i].Person = fmt.Sprint(i)
		}
		d, err := n.NewData(rows)
		if err != nil {
			t.Fatal(err)
		}
		for _, sign := range []int64{1, -1} {
			sums, err := n.Encode(d, 0, state)
			if err != nil {
				t.Fatal(err)
			}
			before := sums.values[bias]
			if want := min(int64(people), n.Agreeing()) * gradientClip; before < want || before >= want+gradientClip {
				t.Fatalf("%d people who agree add %d, want %d", people, before, want)
			}
			noise := &Noise{of: n, values: make([]int64, n.total)}
			noise.values[bias] = sign * z
			after, err := sums.Noisy(noise)
			if err != nil || after[bias] != before+sign*z {
				t.Errorf("%d people: %d and noise of %d became %d, %v", people, before, sign*z, after[bias], err)
			}
		}
	}
	if n.Agreeing() >= 3000 || n.Agreeing() < 2000 {
		t.Errorf("%d may agree", n.Agreeing())
	}
}

func TestNetworkRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		want  error
		spoil func(s *NetworkSpec)
	}{
		"no layer":         {ErrSpec, func(s *NetworkSpec) { s.Hidden = nil }},
		"an empty layer":   {ErrSpec, func(s *NetworkSpec) { s.Hidden = []int{3, 0} }},
		"no rounds":        {ErrSpec, func(s *NetworkSpec) { s.Model.Rounds = 0 }},
		"too many rounds":  {ErrSpec, func(s *NetworkSpec) { s.Model.Rounds = 1001 }},
		"a ridge":          {ErrSpec, func(s *NetworkSpec) { s.Model.Ridge = 1 }},
		"a scale":          {ErrSpec, func(s *NetworkSpec) { s.Model.Bits = 8 }},
		"no rate":          {ErrSpec, func(s *NetworkSpec) { s.Rate = 0 }},
		"momentum of one":  {ErrSpec, func(s *NetworkSpec) { s.Momentum = 1 }},
		"no people":        {ErrSpec, func(s *NetworkSpec) { s.People = 0 }},
		"a negative clip":  {ErrSpec, func(s *NetworkSpec) { s.ClipNorm = -1 }},
		"a tiny clip":      {ErrSpec, func(s *NetworkSpec) { s.ClipNorm = 1e-320 }},
		"no features":      {ErrSpec, func(s *NetworkSpec) { s.Model.Features = nil }},
		"no nodes":         {ErrSpec, func(s *NetworkSpec) { s.Model.Nodes = 0 }},
		"a cost too small": {ErrSpec, func(s *NetworkSpec) { s.Model.Rho = 3 }},
		"too much noise":   {ErrOverflow, func(s *NetworkSpec) { s.Model.Rho = 1000 }},
		"too many weights": {ErrTooManyCells, func(s *NetworkSpec) { s.Hidden = []int{4096, 4096} }},
	} {
		s := smallNetwork(Poisson, 4)
		c.spoil(&s)
		if _, err := NewNetwork(s); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	n := network(t, smallNetwork(Poisson, 4))
	d, _ := n.NewData([]Row{goodRow()})
	sum := make([]int64, n.Cells())
	for name, err := range map[string]error{
		"no data":         second(n.Encode(nil, 0, n.Start())),
		"a step too many": second(n.Encode(d, 20, n.Start())),
		"a short state":   second(n.Encode(d, 0, n.Start()[1:])),
		"a short sum":     third(n.Step(0, n.Start(), sum[1:])),
		"no such step":    third(n.Step(20, n.Start(), sum)),
		"noise":           second(n.DrawNoise(20)),
		"cost":            second(n.RoundCost(-1)),
		"a mean":          second(n.Mean(nil, goodRow())),
	} {
		if !errors.Is(err, ErrMismatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A million weights fit, and one person's gradient is summed in one pass.
func BenchmarkNetworkMillion(b *testing.B) {
	s := smallNetwork(Poisson, 1000, 1000)
	s.Model.PeoplePerNode = 1000
	n := network(b, s)
	d, err := n.NewData([]Row{goodRow()})
	if err != nil {
		b.Fatal(err)
	}
	state := n.Start()
	b.ReportMetric(float64(n.Cells()), "weights")
	for range b.N {
		if _, err := n.Encode(d, 0, state); err != nil {
			b.Fatal(err)
		}
	}
}
