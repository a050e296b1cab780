package dp

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

func TestRhoRoundsUp(t *testing.T) {
	for _, c := range []struct {
		x    float64
		want int64
	}{
		{1e-320, 1}, {1e-13, 1}, {0.5, 500_000_000_000}, {1, 1_000_000_000_000},
		{0.1, 100_000_000_001}, // the float 0.1 is a little above a tenth
		{0.3, 300_000_000_000}, // and 0.3 a little below
	} {
		if got, err := Rho(c.x); err != nil || got != c.want {
			t.Errorf("Rho(%g) = %d, %v; want %d", c.x, got, err, c.want)
		}
	}
	for _, x := range []float64{0, -1, math.NaN(), math.Inf(1), math.Inf(-1), 1e7, 1e308} {
		if _, err := Rho(x); !errors.Is(err, ErrCost) {
			t.Errorf("Rho(%g): %v, want ErrCost", x, err)
		}
	}
}

func TestChannelRhoIsExactAndRoundedUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l0 := rapid.Int64Range(1, MaxL0).Draw(t, "l0")
		linf := rapid.Int64Range(1, MaxMagnitude).Draw(t, "linf")
		sigma := float64(linf) * rapid.Float64Range(1, 1e7).Draw(t, "relative")
		d2 := new(big.Int).Mul(big.NewInt(linf), big.NewInt(linf))
		got, err := channelRho(l0, d2, sigma)
		if err != nil {
			t.Fatal(err)
		}
		// got is the least integer with got * 2 sigma^2 >= l0 * d2 * 1e12.
		s := new(big.Rat).SetFloat64(sigma)
		s.Mul(s, s).Mul(s, big.NewRat(2, rhoUnits))
		need := new(big.Rat).SetInt(new(big.Int).Mul(big.NewInt(l0), d2))
		if new(big.Rat).Mul(s, big.NewRat(got, 1)).Cmp(need) < 0 {
			t.Fatalf("%d units are too few", got)
		}
		if new(big.Rat).Mul(s, big.NewRat(got-1, 1)).Cmp(need) >= 0 {
			t.Fatalf("%d units are one too many", got)
		}
	})
}

func TestPlusAndFits(t *testing.T) {
	sum, err := Cost{1, 2}.Plus(Cost{3, 4})
	if err != nil || sum != (Cost{4, 6}) {
		t.Errorf("sum %v, %v", sum, err)
	}
	for _, c := range [][2]Cost{
		{{math.MaxInt64, 0}, {1, 0}}, {{0, math.MaxInt64}, {0, 1}}, {{-1, 0}, {1, 0}}, {{1, 0}, {0, -1}},
	} {
		if _, err := c[0].Plus(c[1]); !errors.Is(err, ErrCost) {
			t.Errorf("%v + %v: %v, want ErrCost", c[0], c[1], err)
		}
	}
	cap := Cost{10, 10}
	for c, want := range map[Cost]bool{{10, 10}: true, {11, 0}: false, {0, 11}: false, {-1, 0}: false, {}: true} {
		if c.Fits(cap) != want {
			t.Errorf("%v fits %v: %v", c, cap, !want)
		}
	}
	if c := (Cost{Rho: 100_000_000_000, Delta: 1_000_000_000}); c.RhoFloat() != 0.1 || c.DeltaFloat() != 1e-12 {
		t.Errorf("floats %g, %g", c.RhoFloat(), c.DeltaFloat())
	}
}

func TestCapFor(t *testing.T) {
	c, err := CapFor(10, 1e-9)
	if err != nil {
		t.Fatal(err)
	}
	if r := c.RhoFloat(); math.Abs(r-1.0597) > 0.0002 {
		t.Errorf("CapFor(10, 1e-9).Rho = %g, want 1.0597", r)
	}
	if c.Delta > 500_000_000_000 || c.Delta < 499_999_999_999 {
		t.Errorf("CapFor(10, 1e-9).Delta = %d, want 5e11", c.Delta)
	}
	for _, x := range [][2]float64{{0, 1e-9}, {-1, 1e-9}, {math.NaN(), 1e-9}, {math.Inf(1), 1e-9}, {1, 0}, {1, 1}, {1, math.NaN()}, {1, 1e-22}, {1e-9, 1e-12}} {
		if _, err := CapFor(x[0], x[1]); !errors.Is(err, ErrCost) {
			t.Errorf("CapFor(%v): %v, want ErrCost", x, err)
		}
	}
}

// The cap and its display agree, and the conversion is at least as tight as the
// textbook rho + 2 sqrt(rho ln(1/delta)) of Bun and Steinke.
func TestEpsilonInvertsCapFor(t *testing.T) {
	for _, eps := range []float64{0.1, 1, 3, 10, 30} {
		for _, delta := range []float64{1e-12, 1e-9, 1e-6} {
			c, err := CapFor(eps, delta)
			if err != nil {
				t.Fatal(err)
			}
			got := Epsilon(c, delta)
			if got > eps*(1+1e-9) || got < eps*0.9999 {
				t.Errorf("Epsilon(CapFor(%g, %g)) = %g", eps, delta, got)
			}
			textbook := c.RhoFloat() + 2*math.Sqrt(c.RhoFloat()*math.Log(2/delta))
			if got > textbook {
				t.Errorf("epsilon %g is looser than the textbook's %g", got, textbook)
			}
		}
	}
	if !math.IsInf(Epsilon(Cost{Rho: 1, Delta: 1000}, 1e-18), 1) {
		t.Error("no delta left must give an infinite epsilon")
	}
	if Epsilon(Cost{}, 1e-9) != 0 {
		t.Error("no cost, no epsilon")
	}
}

// The conversion against the Gaussian mechanism's exact delta (Balle and Wang
// 2018): it must never promise less delta than the mechanism really has.
func TestEpsilonIsSoundForGaussians(t *testing.T) {
	phi := func(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }
	for _, sigma := range []float64{0.7, 1, 2, 5, 20} {
		rho := 1 / (2 * sigma * sigma)
		for _, delta := range []float64{1e-10, 1e-6, 1e-3} {
			eps := epsilonOf(rho, delta)
			a, b := 1/(2*sigma), eps*sigma
			if real := phi(a-b) - math.Exp(eps)*phi(-a-b); real > delta {
				t.Errorf("sigma %g: epsilon %g at delta %g, but the mechanism has delta %g", sigma, eps, delta, real)
			}
		}
	}
}
