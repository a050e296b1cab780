package proof

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/qunxiang/qunxiang/dp/internal/seam"
)

// drawn is the margin of a mechanism with this much noise whose person moves
// one cell by 1 and that charges rho.
func drawn(t *testing.T, sigma, rho float64, shown func(n, noisy int64) bool, base int64) float64 {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	const scale = 1000
	steps := &seam.Mechanism{
		Add:   func(x int64, _ int) (int64, error) { return x + int64(math.Round(r.NormFloat64()*sigma*scale)), nil },
		Shown: shown, Sigmas: []float64{sigma * scale},
	}
	groups := []group{{moves: []move{{base: base, by: scale, sigma: sigma * scale}}}}
	without, err := ratios(steps, groups, 0, 20_000)
	if err != nil {
		t.Fatal(err)
	}
	with, err := ratios(steps, groups, 1, 20_000)
	if err != nil {
		t.Fatal(err)
	}
	return margin(without, with, 1/(2*sigma*sigma), rho, 0)
}

func always(int64, int64) bool { return true }

// Noise that is a third too small, and a threshold on the bare count, are seen;
// the right ones are not accused.
func TestMarginSeesWhatIsWrong(t *testing.T) {
	const rho = 0.5 // sigma = 1
	if m := drawn(t, 1, rho, always, 0); m < 0 {
		t.Errorf("the right noise is accused: margin %g", m)
	}
	if m := drawn(t, 0.67, rho, always, 0); m >= 0 {
		t.Errorf("a third too little noise is not seen: margin %g", m)
	}
	bare := func(n, _ int64) bool { return n >= 1000 } // the person makes the group reach k
	if m := drawn(t, 1, rho, bare, 0); m >= 0 {
		t.Errorf("a threshold on the bare count is not seen: margin %g", m)
	}
}

func TestClopperPearson(t *testing.T) {
	// 0 of n: the upper bound is 1 - level^(1/n); n of n: the lower is level^(1/n).
	if got, want := upper(0, 50, 0.01), 1-math.Pow(0.01, 0.02); math.Abs(got-want) > 1e-9 {
		t.Errorf("upper %g, want %g", got, want)
	}
	if got, want := lower(50, 50, 0.01), math.Pow(0.01, 0.02); math.Abs(got-want) > 1e-9 {
		t.Errorf("lower %g, want %g", got, want)
	}
	if lower(0, 50, 0.01) != 0 || upper(50, 50, 0.01) != 1 {
		t.Error("ends")
	}
	if g := gaussianDelta(1, 0); math.Abs(g-0.3829249225) > 1e-9 { // total variation of N(0,1) and N(1,1)
		t.Errorf("delta %g", g)
	}
}
