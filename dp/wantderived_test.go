package dp

import (
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// costOf is the rho of measures drawn with these deviations.
func costOf(t *testing.T, p *Plan, names ...string) float64 {
	t.Helper()
	total := 0.0
	for _, name := range names {
		for i, ch := range p.c.channels {
			if ch.name == name {
				c, err := ch.cost(p.c.spec.L0, p.draws[i])
				if err != nil {
					t.Fatal(err)
				}
				total += c.RhoFloat()
			}
		}
	}
	return total
}

// A wanted ratio is met, just, and no other noise of its two measures meets it
// for less.
func TestRatioIsMetAtTheLeastCost(t *testing.T) {
	s := everyKind()
	for _, e := range []RatioError{
		{Of: "fee", By: "visits", Rel: 0.1, At: 3000},
		{Of: "visits", By: "people", Abs: 20, Scale: 1000, At: 5000},
		{Of: "s", By: "people", Rel: 0.2, At: 10_000},
		{Of: "fee", By: "h", Abs: 100, At: 8000},
	} {
		p := mustPrice(t, s, Want{Ratios: []RatioError{e}}, yearCap(t))
		wanted := e.Abs
		r, err := p.c.resolve(e.Of, e.By, e.Scale, e.At, nil)
		if err != nil {
			t.Fatal(err)
		}
		if e.Rel != 0 {
			wanted = e.Rel * r.scale * r.expected[0] / r.expected[1]
		}
		got, err := p.RatioHalfWidth(e.Of, e.By, e.Scale, e.At)
		if err != nil || got > wanted || got < 0.995*wanted {
			t.Errorf("%s by %s: half-width %g, %v; want %g", e.Of, e.By, got, err, wanted)
		}
		cost := costOf(t, p, e.Of, e.By)
		rnd := rand.New(rand.NewPCG(1, 2))
		sigma := p.Sigmas()
		for range 500 {
			// The first deviation at random, the second as large as the wish allows.
			first := sigma[e.Of] * math.Exp(rnd.NormFloat64())
			lo, hi := 0.0, 1e12
			for range 100 {
				if mid := (lo + hi) / 2; r.width([2]float64{first, mid}) > wanted {
					hi = mid
				} else {
					lo = mid
				}
			}
			other := 0.0
			for side, s := range [2]float64{first, lo} {
				d2, _ := p.c.channels[p.c.channelsOf(r.index[side])[0]].delta2.Float64()
				other += float64(p.c.spec.L0) * d2 / (2 * s * s)
			}
			if other < cost*(1-0.01) {
				t.Fatalf("%s by %s: deviations %g and %g cost %g, the plan %g", e.Of, e.By, first, lo, other, cost)
			}
		}
	}
}

// A measure wanted with less noise anyway leaves the other side of the ratio
// more, and the whole costs less than both wishes apart.
func TestRatioUsesWhatIsThere(t *testing.T) {
	s := everyKind()
	e := RatioError{Of: "fee", By: "visits", Rel: 0.1, At: 3000}
	alone := mustPrice(t, s, Want{Ratios: []RatioError{e}}, yearCap(t)).Sigmas()
	fine := Error{Measure: "fee", Abs: 0.5 * z95 * alone["fee"]}
	both := mustPrice(t, s, Want{Errors: []Error{fine}, Ratios: []RatioError{e}}, yearCap(t))
	if got := both.Sigmas(); got["fee"] > 0.5*alone["fee"] || got["visits"] < 1.2*alone["visits"] {
		t.Errorf("deviations %v, alone %v", got, alone)
	}
	if w, err := both.RatioHalfWidth("fee", "visits", 0, 3000); err != nil || w > 0.1*100 {
		t.Errorf("half-width %g, %v", w, err)
	}
}

func TestRatioRefusals(t *testing.T) {
	s := everyKind()
	s.Measures[5].Reference = 0
	for name, c := range map[string]struct {
		e    RatioError
		want error
	}{
		"neither":    {RatioError{Of: "fee", By: "people", At: 9}, ErrAccuracy},
		"both":       {RatioError{Of: "fee", By: "people", At: 9, Abs: 1, Rel: 1}, ErrAccuracy},
		"negative":   {RatioError{Of: "fee", By: "people", At: 9, Abs: -1}, ErrAccuracy},
		"NaN":        {RatioError{Of: "fee", By: "people", At: 9, Rel: math.NaN()}, ErrAccuracy},
		"scale":      {RatioError{Of: "fee", By: "people", At: 9, Abs: 1, Scale: -1}, ErrAccuracy},
		"no size":    {RatioError{Of: "fee", By: "people", Abs: 1}, ErrReference},
		"reference":  {RatioError{Of: "s", By: "people", Abs: 1, At: 9}, ErrReference},
		"unknown":    {RatioError{Of: "x", By: "people", Abs: 1, At: 9}, ErrUnknownMeasure},
		"channel":    {RatioError{Of: "mean/sum", By: "people", Abs: 1, At: 9}, ErrUnknownMeasure},
		"of a mean":  {RatioError{Of: "mean", By: "people", Abs: 1, At: 9}, ErrWant},
		"itself":     {RatioError{Of: "fee", By: "fee", Abs: 1, At: 9}, ErrWant},
		"impossible": {RatioError{Of: "fee", By: "people", Abs: 1e-200, At: 9}, ErrTooPrecise},
	} {
		if err := priceErr(s, Want{Ratios: []RatioError{c.e}}); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if err := priceErr(s, Want{Rho: 0.1, Ratios: []RatioError{{Of: "fee", By: "people", Abs: 1, At: 9}}}); !errors.Is(err, ErrWant) {
		t.Errorf("a cost and a ratio: %v", err)
	}
}

// A spread's deviation and coefficient can be wanted and are predicted: what is
// wanted is met, just, and what is predicted is what noise does.
func TestSpreadPartsArePriced(t *testing.T) {
	s := spreadKinds()
	for _, e := range []Error{
		{Measure: "d_sd", Abs: 6, At: 5000}, {Measure: "d_sd", Rel: 0.05, At: 5000}, {Measure: "d_cv", Rel: 0.1, At: 5000},
		{Measure: "d_cv", Abs: 0.08},
	} {
		p := mustPrice(t, s, Want{Errors: []Error{e}}, yearCap(t))
		wanted := e.Abs
		if e.Rel != 0 {
			wanted = e.Rel * map[string]float64{"d_sd": 75, "d_cv": 75.0 / 80}[e.Measure]
		}
		if w, err := p.HalfWidth(e.Measure, e.At); err != nil || w > wanted || w < 0.995*wanted {
			t.Errorf("%+v: half-width %g, %v; want %g", e, w, err, wanted)
		}
	}
	p := mustPrice(t, s, Want{Rho: 0.2}, yearCap(t))
	m := p.c.measures[1]
	const n = 5000
	d, sd := -20.0, 75.0 // as typical says
	got := m.spread(int64(-d*-1*n), n, int64((sd*sd+d*d)/100*n), [3]float64{p.Sigmas()["d/sum"], p.Sigmas()["d/rows"], p.Sigmas()["d/squares"]})
	for i, name := range []string{"d", "d_sd", "d_cv"} {
		w, err := p.HalfWidth(name, n)
		if err != nil {
			t.Fatal(err)
		}
		if have := (got[i].High - got[i].Low) / 2; got[i].Name != name || math.Abs(have/w-1) > 0.1 {
			t.Errorf("%s: predicted half-width %g, as released %g (%+v)", name, w, have, got[i])
		}
	}
	if _, err := p.HalfWidth("d_sd", 0); err != nil {
		t.Errorf("at ReferencePeople: %v", err)
	}
	for _, name := range []string{"v_sd", "d_xx", "_sd", "people_cv"} {
		if _, err := p.HalfWidth(name, 9); !errors.Is(err, ErrUnknownMeasure) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := priceErr(s, Want{Errors: []Error{{Measure: "d", Abs: 1, At: 5000}, {Measure: "d_sd", Abs: 1e6, At: 5000}}}); err == nil {
		t.Error("a deviation wanted beyond the clamps is priced")
	}
}
