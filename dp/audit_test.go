package dp

import (
	"errors"
	"math"
	"os"
	"os/exec"
	"sort"
	"testing"

	"github.com/google/differential-privacy/go/v3/noise"
	"github.com/qunxiang/qunxiang/dp/internal/normal"
)

// audit draws the library's noise for one channel of a plan.
func audit(t *testing.T, p *Plan, channel, n int) []float64 {
	t.Helper()
	const x = 123_456_789
	out := make([]float64, n)
	for i := range out {
		y, err := p.add(gaussian{}, x, channel)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = float64(y - x)
	}
	return out
}

// The sigma that is charged is the sigma that is drawn: mean and variance of
// 3,000 draws of every channel (the variance within six deviations of 2.6 %:
// false alarm 2e-9 a channel), and a Kolmogorov-Smirnov distance below
// 3/sqrt(n) (false alarm 3e-8). Rounding to integers adds 1/12.
func TestDrawnSigmaIsTheChargedOne(t *testing.T) {
	s := everyKind()
	p := mustPrice(t, s, Want{Rho: 0.05}, DeltaRule{Fixed: 1e-9})
	const n = 3000
	for i, ch := range p.c.channels {
		d := p.draws[i]
		if got := noise.SigmaForGaussian(1, float64(ch.linf), d.epsilon, calibrationDelta); got != d.sigma || p.Sigmas()[ch.name] != got {
			t.Errorf("%s: sigma %g, the library says %g", ch.name, d.sigma, got)
		}
		xs := audit(t, p, i, n)
		var sum, squares float64
		for _, x := range xs {
			sum += x
			squares += x * x
		}
		sigma := math.Sqrt(d.sigma*d.sigma + 1.0/12)
		if mean := sum / n; math.Abs(mean) > 6*sigma/math.Sqrt(n) {
			t.Errorf("%s: mean %g at sigma %g", ch.name, mean, sigma)
		}
		if v := squares / n / (sigma * sigma); math.Abs(v-1) > 6*math.Sqrt(2.0/n) {
			t.Errorf("%s: drawn deviation %g, charged for %g", ch.name, math.Sqrt(squares/n), d.sigma)
		}
		sort.Float64s(xs)
		worst := 0.0
		for j, x := range xs {
			// P(Z <= x) of a rounded normal; ties make the lower side loose.
			worst = math.Max(worst, float64(j+1)/n-normal.Upper(-(x+0.5)/d.sigma))
			worst = math.Max(worst, normal.Upper(-(x-0.5)/d.sigma)-float64(j+1)/n)
		}
		if worst > 3/math.Sqrt(n) {
			t.Errorf("%s: the draws are not normal, distance %g", ch.name, worst)
		}
	}
}

// counter counts draws and adds nothing.
type counter struct{ n int }

func (c *counter) Add(x, _ int64, _, _ float64) (int64, error) { c.n++; return x, nil }

// Each cell is drawn once: people of every public group, and all the cells of a
// group only when it is shown.
func TestEveryCellIsDrawnOnce(t *testing.T) {
	s := everyKind()
	p := mustPrice(t, s, Want{Rho: 0.1}, DeltaRule{Fixed: 1e-9})
	st := fill(t, s, 1000)
	c := &counter{}
	if _, err := p.table(st, c); err != nil {
		t.Fatal(err)
	}
	if c.n != 4*p.c.stride {
		t.Errorf("%d draws for 4 groups of %d cells", c.n, p.c.stride)
	}
	c.n = 0
	private, st2 := privateFew(t)
	if table, err := private.table(st2, c); err != nil || len(table.Groups) != 0 || c.n != 0 {
		t.Errorf("private groups below k: %v, %v, %d draws", table, err, c.n)
	}
	for g := range 3 {
		st.cells[g*p.c.stride] = 3
	}
	c.n = 0
	if _, err := p.table(st, c); err != nil {
		t.Fatal(err)
	}
	if c.n != 3+p.c.stride {
		t.Errorf("%d draws, want one for each of 3 hidden groups and %d for the shown one", c.n, p.c.stride)
	}
}

// privateFew is three private groups of one person each.
func privateFew(t *testing.T) (*Plan, *state) {
	t.Helper()
	s := Spec{L0: 3, K: 2, MaxRows: 10, MaxPeople: 10, Keys: []Key{{Name: "drug", Private: true}}}
	p := mustPrice(t, s, Want{Rho: 0.1}, DeltaRule{Fixed: 1e-9})
	st := newState(p.c, [16]byte{})
	b := &Batch{Keys: make([][16]byte, 1), Person: make([]uint32, 3)}
	for _, drug := range []string{"x", "y", "z"} {
		g, err := st.intern([]string{drug})
		if err != nil {
			t.Fatal(err)
		}
		b.Group = append(b.Group, g)
	}
	if err := seal(st).AddRange(b); err != nil {
		t.Fatal(err)
	}
	return p, st
}

type failing struct{}

func (failing) Add(x, _ int64, _, _ float64) (int64, error) {
	return 0, errors.New("could not noise 123456")
}

// A draw that fails spends the totals, gives no table, and says nothing.
func TestFailedDraw(t *testing.T) {
	s := everyKind()
	p := mustPrice(t, s, Want{Rho: 0.1}, DeltaRule{Fixed: 1e-9})
	tot := seal(fill(t, s, 100))
	table, err := release(tot, p, failing{})
	if table != nil || err != ErrNoise {
		t.Errorf("table %v, error %v; want none and a bare ErrNoise", table, err)
	}
	if _, err := Release(tot, p); !errors.Is(err, ErrReleased) {
		t.Errorf("second try: %v, want ErrReleased", err)
	}
}

// Merely drawing noise, pricing and refusing writes no file to the temporary
// directory (the library logs through glog, which would).
func TestNothingIsWrittenToTemp(t *testing.T) {
	if os.Getenv("DP_TEMP_CHILD") != "" {
		p := mustPrice(t, everyKind(), Want{Rho: 0.1}, DeltaRule{Fixed: 1e-9})
		if _, err := Release(seal(fill(t, everyKind(), 500)), p); err != nil {
			t.Fatal(err)
		}
		if _, err := Price(everyKind(), Want{Rho: 1e300}, DeltaRule{Fixed: 1e-9}); err == nil {
			t.Fatal("priced")
		}
		noise.Gaussian().AddNoiseInt64(1, 1, 1, -1, 1e-9) //nolint:errcheck // the refusal is the point
		return
	}
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestNothingIsWrittenToTemp$")
	cmd.Env = append(os.Environ(), "TMPDIR="+dir, "DP_TEMP_CHILD=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
		t.Errorf("files in the temporary directory: %v, %v", files, err)
	}
}
