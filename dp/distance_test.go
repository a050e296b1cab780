package dp

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// noisyFeatures makes a measured axis of labels "feature=bin" with noise of sigma.
func noisyFeatures(r *rand.Rand, sigma float64, cells map[string][]float64, order ...string) Measured {
	var m Measured
	for _, f := range order {
		for b, x := range cells[f] {
			p := about(f+"="+string(rune('a'+b)), x, sigma*sigma)
			by := sigma * r.NormFloat64()
			p.Value, p.Low, p.High = p.Value+by, p.Low+by, p.High+by
			m.Values = append(m.Values, p)
		}
	}
	return m
}

func featureOf(at string) string { f, _, _ := strings.Cut(at, "="); return f }

// Without noise the distance is the plain one.
func TestDistanceIsTotalVariation(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	shown := []Measured{
		noisyFeatures(r, 1e-9, map[string][]float64{"sex": {60, 40}, "age": {100, 0, 0}}, "sex", "age"),
		noisyFeatures(r, 1e-9, map[string][]float64{"sex": {90, 210}, "age": {0, 150, 150}}, "sex", "age"),
	}
	d, ok := Distance(shown, 0, featureOf)
	if !ok || len(d.Values) != 2 || d.Values[0].At != "sex" || d.Values[1].At != "age" {
		t.Fatalf("%+v", d)
	}
	// 0.6 and 0.4 against 0.375 and 0.625; all of one bin against a quarter.
	for i, want := range []float64{0.225, 0.75} {
		if p := d.Values[i]; math.Abs(p.Value-want) > 1e-9 || p.Low > want || p.High < want || p.High-p.Low > 1e-6 {
			t.Errorf("%s: %+v, want %g", p.At, p, want)
		}
	}
	one, ok := Distance(shown, 1, func(string) string { return "" })
	if !ok || one.Values != nil || math.Abs(one.Value-0.1625) > 1e-9 {
		t.Errorf("one feature is a number: %+v", one)
	}
	if _, ok := Distance(shown[:1], 0, featureOf); ok {
		t.Error("one group has nothing to be compared with")
	}
	other := noisyFeatures(r, 1, map[string][]float64{"sex": {60, 40}, "place": {1, 2, 3}}, "sex", "place")
	if _, ok := Distance([]Measured{shown[0], other}, 0, featureOf); ok {
		t.Error("two different axes are compared")
	}
	few := noisyFeatures(r, 50, map[string][]float64{"sex": {6, 4}, "age": {100000, 5, 5}}, "sex", "age")
	if d, ok := Distance([]Measured{few, shown[1]}, 0, featureOf); !ok || len(d.Values) != 1 || d.Values[0].At != "age" {
		t.Errorf("a feature of almost nobody is left out: %+v", d)
	}
}

// The interval holds the true distance in at least 95 % of draws, near and far,
// with much and with little noise. At true coverage 0.95, 2,000 draws fall under
// 0.93 with probability 3e-5 a case; the seed is fixed.
func TestDistanceIntervalHolds(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 7))
	cases := map[string][2][]float64{
		"alike":       {{300, 500, 200}, {600, 1000, 400}},
		"two bins":    {{500, 500}, {700, 300}},
		"near":        {{300, 500, 150, 50}, {300, 450, 200, 50}},
		"far":         {{900, 50, 25, 15, 10}, {100, 300, 200, 200, 200}},
		"empty cells": {{1000, 0, 0, 0, 0, 0}, {0, 0, 0, 0, 500, 500}},
	}
	for name, c := range cases {
		exact := []Measured{noisyFeatures(r, 1e-9, map[string][]float64{"x": c[0]}, "x"), noisyFeatures(r, 1e-9, map[string][]float64{"x": c[1]}, "x")}
		truth, _ := Distance(exact, 0, featureOf)
		for _, sigma := range []float64{3, 30, 100} {
			held, told := 0, 0
			const runs = 2000
			for range runs {
				shown := []Measured{noisyFeatures(r, sigma, map[string][]float64{"x": c[0]}, "x"), noisyFeatures(r, sigma, map[string][]float64{"x": c[1]}, "x")}
				d, ok := Distance(shown, 0, featureOf)
				if !ok || d.Low <= truth.Value && truth.Value <= d.High {
					held++
				}
				if ok && d.High-d.Low < 0.5 {
					told++
				}
			}
			if share := float64(held) / runs; share < 0.93 {
				t.Errorf("%s, sigma %g: holds %.3f", name, sigma, share)
			}
			if sigma <= 30 && told < runs/2 {
				t.Errorf("%s, sigma %g: says something in %d of %d", name, sigma, told, runs)
			}
		}
	}
}
