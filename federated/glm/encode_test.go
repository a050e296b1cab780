package glm

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// small is a card with two numbers and a factor of three levels.
func small(f Family) Spec {
	s := Spec{
		Family: f, Response: Response{Name: "y", Lo: 0, Hi: 50}, StartMean: 1, Rounds: 4, Nodes: 3, PeoplePerNode: 1 << 16,
		Rho: 5e11, Caps: Caps{Weight: 2, Score: 2, Rows: 8, Deviance: 5, Pearson: 5},
		Features: []Feature{
			{Name: "age", Unit: "years", Lo: 0, Hi: 100}, {Name: "dose", Unit: "mg", Lo: -5, Hi: 5},
			{Name: "region", Levels: []Level{{Name: "north"}, {Name: "south"}, {Name: "west"}}},
		},
	}
	switch f {
	case Logistic:
		s.Response.Hi, s.StartMean = 1, 0.4
	case Gamma:
		s.Response.Lo = 1e-6
	case Tweedie:
		s.Power = 1.5
	case NegBin:
		s.Theta = 2
	}
	return s
}

func plan(t testing.TB, s Spec) *Plan {
	t.Helper()
	p, err := NewPlan(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *Plan) without() *Plan { q := *p; q.unprotected = true; return &q }

func drawRow(t *rapid.T, s Spec, person string) Row {
	hi := s.Response.Hi
	return Row{
		Person: person, Response: max(s.Response.Lo, rapid.Float64Range(0, hi).Draw(t, "y")),
		Values: []Value{{Number: rapid.Float64Range(0, 100).Draw(t, "age")}, {Number: rapid.Float64Range(-5, 5).Draw(t, "dose")},
			{Level: rapid.SampledFrom([]string{"north", "south", "west"}).Draw(t, "region")}},
	}
}

func drawRows(t *rapid.T, s Spec, people int) []Row {
	var rows []Row
	for i := range people {
		for range rapid.IntRange(1, 4).Draw(t, "rows") {
			rows = append(rows, drawRow(t, s, fmt.Sprint("p", i)))
		}
	}
	return rows
}

func encode(t interface{ Fatal(...any) }, p *Plan, rows []Row, round int, beta Coefficients) []int64 {
	d, err := p.NewData(rows)
	if err != nil {
		t.Fatal(err)
	}
	sums, err := p.Encode(d, round, beta)
	if err != nil {
		t.Fatal(err)
	}
	return sums.values
}

func draw(t interface{ Fatal(...any) }, p *Plan, round int) []int64 {
	noise, err := p.DrawNoise(round)
	if err != nil {
		t.Fatal(err)
	}
	return noise.values
}

// length is the L2 length of integers.
func length(v []int64) float64 {
	s := 0.0
	for _, x := range v {
		s += float64(x) * float64(x)
	}
	return math.Sqrt(s)
}

var families = []Family{Linear, Logistic, Poisson, Gamma, Tweedie, NegBin}

// One person moves no block by more than its clip, in any round, however many
// rows the person has, whatever the coefficients are, and whether or not more people
// are there than declared. And the plan charges
// the round for at least that.
func TestOnePersonIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := small(rapid.SampledFrom(families).Draw(t, "family"))
		s.PeoplePerNode = rapid.SampledFrom([]int64{1, 2, 3, 1 << 16}).Draw(t, "declared")
		p, err := NewPlan(s)
		if err != nil {
			t.Fatal(err)
		}
		beta := p.Start()
		for i := range beta {
			beta[i] += coefficient(rapid.Float64Range(-9, 9).Draw(t, "beta"))
		}
		rows := drawRows(t, s, 3)
		var rest []Row
		for _, r := range rows {
			if r.Person != "p1" {
				rest = append(rest, r)
			}
		}
		round := rapid.IntRange(0, 3).Draw(t, "round")
		all, without := encode(t, p, rows, round, beta), encode(t, p, rest, round, beta)
		rho := 0.0
		for _, b := range p.rounds[round] {
			diff := make([]int64, b.To-b.From)
			for i := range diff {
				diff[i] = all[b.From+i] - without[b.From+i]
			}
			if !within(diff, 1, b.Clip) {
				t.Fatalf("%s: a person moves %s by %v, clip %d", s.Family, b.Name, diff, b.Clip)
			}
			// Against the two honest nodes of three.
			share, _ := new(big.Float).SetInt(b.shares.ShareVariance()).Float64()
			rho += length(diff) * length(diff) / (2 * 2 * share)
		}
		cost, err := p.RoundCost(round)
		if err != nil || rho > cost.RhoFloat()*(1+1e-9) {
			t.Fatalf("rho %g is charged as %g, %v", rho, cost.RhoFloat(), err)
		}
	})
}

// A person's rows are added before they are clipped, so that rows which cancel
// are not cut, and the order of rows does not matter.
func TestRowsAreAddedFirst(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := small(rapid.SampledFrom(families).Draw(t, "family"))
		p, _ := NewPlan(s)
		beta, rows := p.Start(), drawRows(t, s, 1)
		got := encode(t, p, rows, 3, beta)
		want := encode(t, p.without(), rows, 3, beta)
		for _, b := range p.rounds[3] {
			if part := want[b.From:b.To]; len(part) == 1 {
				part[0] = min(part[0], b.Clip)
			} else {
				clip(part, b.Clip)
			}
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
		slices.Reverse(rows)
		if !slices.Equal(got, encode(t, p, rows, 3, beta)) {
			t.Fatal("the order of rows matters")
		}
	})
}

// The sums are those of the textbook, to the rounding of each row, in the cells
// where the layout puts them.
func TestEncodeIsTheTextbook(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := small(rapid.SampledFrom(families).Draw(t, "family"))
		s.Bits = 24 // no row saturates
		p, _ := NewPlan(s)
		p = p.without()
		beta := p.Start()
		for i := range beta {
			beta[i] += coefficient(rapid.Float64Range(-1, 1).Draw(t, "beta"))
		}
		rows := drawRows(t, s, 3)
		got := encode(t, p, rows, 3, beta)
		want := textbook(p, rows, beta.Floats())
		for i := range got {
			loose := 1e-9
			if i == len(got)-2 { // the deviance is an integral here
				loose = 1e-6
			}
			if unit := p.real(1); math.Abs(p.real(got[i])-want[i]) > float64(len(rows))*unit/2+loose*(1+math.Abs(want[i])) {
				t.Fatalf("%s cell %d: %v, want %v", s.Family, i, p.real(got[i]), want[i])
			}
		}
		early := encode(t, p, rows, 2, beta)
		if !slices.Equal(early[:len(got)-4], got[:len(got)-4]) || slices.Max(early[len(got)-4:]) != 0 {
			t.Fatal("an earlier round sends other sums, or a tail")
		}
	})
}

// textbook computes the cells in plain floats, from derivatives by definition.
func textbook(p *Plan, rows []Row, beta []float64) []float64 {
	n := p.Columns()
	out := make([]float64, p.Cells())
	for _, r := range rows {
		x := []float64{1, (r.Values[0].Number - 50) / 50, r.Values[1].Number / 5, 0, 0}
		if l := r.Values[2].Level; l != "north" {
			x[map[string]int{"south": 3, "west": 4}[l]] = 1
		}
		eta := 0.0
		for i := range x {
			eta += x[i] * beta[i]
		}
		mu, slope, v := math.Exp(eta), math.Exp(eta), 0.0
		switch p.model.family {
		case Linear:
			mu, slope, v = eta, 1, 1
		case Logistic:
			mu = 1 / (1 + math.Exp(-eta))
			slope, v = mu*(1-mu), mu*(1-mu)
		case Poisson:
			v = mu
		case Gamma:
			v = mu * mu
		case Tweedie:
			v = math.Pow(mu, p.model.power)
		case NegBin:
			v = mu + mu*mu/p.model.theta
		}
		at := 0
		for i := range x {
			for j := i; j < n; j++ {
				out[at] += x[i] * x[j] * slope * slope / v
				at++
			}
		}
		for i := range x {
			out[at+i] += x[i] * (r.Response - mu) * slope / v
		}
		tail := out[len(out)-4:]
		tail[0]++
		tail[1]++
		tail[2] += 2 * integral(p.model, mu, r.Response)
		tail[3] += (r.Response - mu) * (r.Response - mu) / v
	}
	return out
}

// integral of (y-m)/V(m) from mu to y is half the deviance, whatever the family
// (Simpson's rule on the scale of the link).
func integral(m model, mu, y float64) float64 {
	to := func(x float64) float64 { return math.Log(max(x, 1e-26)) }
	at := func(u float64) float64 { // (y-m)/V times dm/du
		x := math.Exp(u)
		switch m.family {
		case Poisson:
			return y - x
		case Gamma:
			return (y - x) / x
		case Tweedie:
			return (y - x) * math.Pow(x, 1-m.power)
		}
		return (y - x) / (1 + x/m.theta)
	}
	switch m.family {
	case Linear:
		return (y - mu) * (y - mu) / 2
	case Logistic:
		to = func(x float64) float64 { return math.Log(max(x, 1e-26)) - math.Log(max(1-x, 1e-26)) }
		at = func(u float64) float64 { return y - 1/(1+math.Exp(-u)) }
	}
	const pieces = 10000
	a, h, sum := to(mu), (to(y)-to(mu))/pieces, 0.0
	for i := range pieces {
		u := a + float64(i)*h
		sum += h / 6 * (at(u) + 4*at(u+h/2) + at(u+h))
	}
	return sum
}
