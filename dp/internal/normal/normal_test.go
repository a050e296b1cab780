package normal

import (
	"math"
	"testing"
)

// Reference values of Q^-1 from arbitrary-precision arithmetic.
func TestQuantileDeepInTheTail(t *testing.T) {
	for _, c := range []struct{ p, want float64 }{
		{0.5, 0},
		{0.025, 1.959963984540054},
		{1e-3, 3.090232306167813},
		{1e-6, 4.753424308822899},
		{1e-9, 5.997807015007687},
		{1e-12, 7.034483825301132},
		{1e-15, 7.941345326170998},
		{1e-18, 8.757290348782315},
		{1e-21, 9.505024982640925},
		{0.975, -1.959963984540054},
	} {
		if got := Quantile(c.p); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("Quantile(%g) = %.12f, want %.12f", c.p, got, c.want)
		}
	}
}

func TestQuantileInvertsUpperOnTheSafeSide(t *testing.T) {
	for e := 1; e <= 250; e++ {
		for _, f := range []float64{1, 2.5, 7} {
			p := f * math.Pow(10, -float64(e))
			x := Quantile(p)
			if q := Upper(x); q > p {
				t.Fatalf("Upper(Quantile(%g)) = %g is above it", p, q)
			}
			if q := Upper(x * (1 - 1e-12)); x > 0 && q < p*(1-1e-9) {
				t.Fatalf("Quantile(%g) = %v is larger than it need be", p, x)
			}
		}
	}
}

func TestQuantileOutsideRange(t *testing.T) {
	for p, sign := range map[float64]int{0: 1, -1: 1, 1: -1, 2: -1} {
		if !math.IsInf(Quantile(p), sign) {
			t.Errorf("Quantile(%g) = %g", p, Quantile(p))
		}
	}
	if !math.IsInf(Quantile(math.NaN()), 1) {
		t.Error("Quantile(NaN) must refuse everything")
	}
}
