package dp

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func yearCap(t testing.TB) DeltaRule {
	t.Helper()
	c, err := CapFor(10, 1e-9)
	if err != nil {
		t.Fatal(err)
	}
	return DeltaRule{Cap: c}
}

func mustPrice(t testing.TB, s Spec, w Want, d DeltaRule) *Plan {
	t.Helper()
	p, err := Price(s, w, d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func peopleSpec() Spec { return Spec{L0: 1, K: 20, MaxRows: 1000, MaxPeople: 2_000_000_000} }

// The arithmetic to know: a count to +-50 costs 0.0008 of a yearly rho of 1.06,
// and shows groups from about 245 people.
func TestPriceOfACount(t *testing.T) {
	p := mustPrice(t, peopleSpec(), Want{Errors: []Error{{Measure: "people", Abs: 50}}}, yearCap(t))
	if rho := p.Cost().RhoFloat(); rho < 0.00076 || rho > 0.00078 {
		t.Errorf("rho %g", rho)
	}
	if n := p.SmallestGroup(); n < 230 || n > 250 {
		t.Errorf("smallest group %d", n)
	}
	if w, _ := p.HalfWidth("people", 0); w > 50 || w < 49.9 {
		t.Errorf("half-width %g", w)
	}
	if d := p.Cost().DeltaFloat(); d < 3e-13 || d > 3.5e-13 {
		t.Errorf("delta %g: nine tenths of 5e-10 in proportion is 3.3e-13", d)
	}
}

// Severity with a clamp of 20 wan, to 5 % at 1,000 people, costs about 0.14; at
// 10,000 people a hundredth of that.
func TestPriceOfSeverity(t *testing.T) {
	s := peopleSpec()
	s.Columns = []string{"fee"}
	s.Measures = []Measure{{
		Name: "fee", Unit: "fen", Kind: KindMean, Column: "fee", RowLo: 0, RowHi: 20_000_000, Rows: 6,
		Centre: 1_400_000, Lo: -8_400_000, Hi: 18_600_000, Reference: 1_400_000, ReferencePeople: 1000,
	}}
	for at, want := range map[int]float64{1000: 0.14, 10_000: 0.0014} {
		p := mustPrice(t, s, Want{Errors: []Error{{Measure: "fee", Rel: 0.05, At: at}}}, yearCap(t))
		if rho := p.Cost().RhoFloat(); math.Abs(rho/want-1) > 0.1 {
			t.Errorf("5 %% at %d people costs %g, want about %g", at, rho, want)
		}
		if w, _ := p.HalfWidth("fee", at); w > 70_000 || w < 69_800 {
			t.Errorf("half-width %g at %d people, want 70,000", w, at)
		}
		if n := p.SmallestGroup(); n > at {
			t.Errorf("a group of %d is hidden, shown from %d", at, n)
		}
	}
}

// A cost buys half-widths, and these half-widths cost the same again.
func TestPriceRoundTrip(t *testing.T) {
	competing := survivalSpec(36)
	competing.Measures[0].Competing = true
	for name, s := range map[string]Spec{"every kind": everyKind(), "spreads": spreadKinds(), "survival": survivalSpec(36), "competing": competing} {
		for _, rho := range []float64{0.001, 0.02, 0.5} {
			p := mustPrice(t, s, Want{Rho: rho}, yearCap(t))
			got := p.Cost().RhoFloat()
			if got > rho || got < 0.99*rho {
				t.Errorf("%s: asked for %g, costs %g", name, rho, got)
			}
			errs := []Error{}
			for i := -1; i < len(p.c.measures); i++ {
				m := p.c.measure(i)
				w, err := p.HalfWidth(m.Name, 1_000_000)
				if err != nil {
					t.Fatal(err)
				}
				errs = append(errs, Error{Measure: m.Name, Abs: w, At: 1_000_000})
			}
			back := mustPrice(t, s, Want{Errors: errs}, yearCap(t)).Cost().RhoFloat()
			if math.Abs(back/got-1) > 0.01 {
				t.Errorf("%s: %g buys half-widths that cost %g", name, got, back)
			}
		}
	}
}

func TestCostIsMonotone(t *testing.T) {
	s, rule := everyKind(), yearCap(t)
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.Float64Range(1e-6, 1).Draw(t, "a")
		b := a * rapid.Float64Range(1, 100).Draw(t, "times")
		x, y := Want{Rho: a}, Want{Rho: math.Min(b, 1)}
		if rapid.Bool().Draw(t, "by error") {
			// Wider errors first: they are the cheaper wish.
			x, y = Want{Errors: []Error{{Rel: b, At: 1000}}}, Want{Errors: []Error{{Rel: a, At: 1000}}}
		}
		p, err := Price(s, x, rule)
		q, err2 := Price(s, y, rule)
		if err != nil || err2 != nil {
			return // out of reach
		}
		if p.Cost().Rho > q.Cost().Rho || p.Cost().Delta > q.Cost().Delta {
			t.Fatalf("more accuracy costs less: %v then %v", p.Cost(), q.Cost())
		}
		if !q.AtLeastAsAccurate(p) || p.Cost().Rho < q.Cost().Rho && p.AtLeastAsAccurate(q) {
			t.Fatal("accuracy is not ordered like cost")
		}
		if p.SmallestGroup() < q.SmallestGroup() {
			t.Fatal("more accuracy hides more groups")
		}
	})
}

// A stored answer with a little more noise does not answer, nor one that lacks
// a channel or has one more.
func TestAtLeastAsAccurateGivesNothingAway(t *testing.T) {
	want := map[string]float64{"people": 10, "sum": 4}
	for _, tt := range []struct {
		people, sum float64
		ok          bool
	}{{10, 4, true}, {9.99, 4, true}, {10.000001, 4, false}, {10, 4.4, false}, {1, 4.000001, false}, {0, 4, false}, {-1, 4, false}, {math.NaN(), 4, false}} {
		if got := AtLeastAsAccurate(map[string]float64{"people": tt.people, "sum": tt.sum}, want); got != tt.ok {
			t.Errorf("%v, %v: %v", tt.people, tt.sum, got)
		}
	}
	for _, have := range []map[string]float64{{"people": 10}, {"people": 10, "sum": 4, "rows": 1}, {"people": 10, "total": 4}} {
		if AtLeastAsAccurate(have, want) {
			t.Errorf("%v has other channels", have)
		}
	}
}

func TestWeightsAndUnnamedMeasures(t *testing.T) {
	s := everyKind()
	s.Measures = append(s.Measures, Measure{Kind: KindPeople, Weight: 7, Unit: "persons"})
	p := mustPrice(t, s, Want{Rho: 0.1}, yearCap(t))
	rho := func(p *Plan, i int) float64 {
		c, err := p.c.channels[i].cost(s.L0, p.draws[i])
		if err != nil {
			t.Fatal(err)
		}
		return c.RhoFloat()
	}
	if share := rho(p, 0) / 0.1; math.Abs(share-7.0/13) > 0.005 {
		t.Errorf("people with weight 7 of 13 get %g of the cost", share)
	}
	named := mustPrice(t, everyKind(), Want{Errors: []Error{{Measure: "fee", Abs: 9000}}}, yearCap(t))
	fee := rho(named, 2)
	if rest := named.Cost().RhoFloat() - fee; math.Abs(rest/fee-unnamedShare) > 0.001 {
		t.Errorf("what was not named costs %g of what was, want %g", rest/fee, unnamedShare)
	}
	every := mustPrice(t, everyKind(), Want{Errors: []Error{{Rel: 0.1, At: 1000}, {Measure: "people", Abs: 200}}}, yearCap(t))
	if w, _ := every.HalfWidth("people", 0); w > 200 || w < 199 {
		t.Errorf("people named beside every measure: half-width %g, want 200", w)
	}
	if w, _ := every.HalfWidth("fee", 0); w > 0.1*100*1000 || w < 0.0999*0.99*100*1000 {
		t.Errorf("fee to 10 %% of 100 fen times 1000 people: half-width %g", w)
	}
}

func TestDeltaRule(t *testing.T) {
	cap := Cost{Rho: 1_000_000_000_000, Delta: 500_000_000_000}
	for rho, want := range map[int64]int64{
		1_000_000_000_000: 450_000_000_000,
		1_000_000_000:     450_000_000,
		1:                 minDelta,
		math.MaxInt64:     4150517416584649113, // 0.45 * MaxInt64, rounded down
	} {
		if _, got, err := (DeltaRule{Cap: cap}).share(rho); err != nil || got != want {
			t.Errorf("share of %d is %d, %v; want %d", rho, got, err, want)
		}
	}
	for _, d := range []DeltaRule{{}, {Cap: Cost{Rho: 1}}, {Cap: Cost{Delta: 1}}, {Fixed: -1}, {Fixed: 1}, {Fixed: math.NaN()}, {Fixed: math.Inf(1)}} {
		if _, err := Price(peopleSpec(), Want{Rho: 0.1}, d); !errors.Is(err, ErrDelta) {
			t.Errorf("%+v: %v, want ErrDelta", d, err)
		}
	}
	p := mustPrice(t, peopleSpec(), Want{Rho: 0.1}, DeltaRule{Fixed: 0.2})
	if p.Cost().Delta != math.MaxInt64 || p.Cost().Fits(cap) {
		t.Error("a delta of 0.2 must be charged as more than any cap")
	}
	s := peopleSpec()
	s.NoisyK = true
	p = mustPrice(t, s, Want{Rho: 0.1}, DeltaRule{})
	if d := p.Cost().DeltaFloat(); d <= 0 || d > 1e-12 {
		t.Errorf("a noisy k costs delta %g, only the sampler's is due", d)
	}
	if sigma := p.Sigmas()["people"]; p.Threshold() != int64(math.Ceil(20+3*sigma)) {
		t.Errorf("noisy threshold %d at sigma %g", p.Threshold(), sigma)
	}
}

func TestHalfWidthNeedsAGroupSize(t *testing.T) {
	s := everyKind()
	s.Measures[2].ReferencePeople = 0
	p := mustPrice(t, s, Want{Rho: 0.1}, yearCap(t))
	if _, err := p.HalfWidth("mean", 0); !errors.Is(err, ErrReference) {
		t.Errorf("%v, want ErrReference", err)
	}
	if _, err := p.HalfWidth("nothing", 0); !errors.Is(err, ErrUnknownMeasure) {
		t.Errorf("%v, want ErrUnknownMeasure", err)
	}
	near, _ := p.HalfWidth("mean", 100_000)
	far, _ := p.HalfWidth("mean", 400_000)
	if r := near / far; math.Abs(r-4) > 0.01 {
		t.Errorf("a mean over four times the people is %g times as accurate", r)
	}
	if w, _ := p.HalfWidth("mean", 1); w != 500 {
		t.Errorf("a mean of one person: half-width %g, cannot pass the clamps' 500", w)
	}
}
