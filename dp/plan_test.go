package dp

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/google/differential-privacy/go/v3/noise"
	"github.com/qunxiang/qunxiang/dp/internal/normal"
)

// Tau is the least integer that keeps the chance to be shown within p, counting
// that the noise is rounded to integers.
func TestTauIsSafeAndTight(t *testing.T) {
	for _, sigma := range []float64{1, 1.18, 1.5, 3, 8.42, 25.5, 400, 1e6} {
		for _, p := range []float64{0.2, 0.2 / 3, 1e-3, 1e-9, 1e-12, 1e-15, 1e-18, 1e-21} {
			tau := float64(tau(sigma, p))
			if got := normal.Upper((tau - 1.5) / sigma); got > p {
				t.Errorf("sigma %g, p %g: shown with %g", sigma, p, got)
			}
			if got := normal.Upper((tau - 2.5) / sigma); got < p*(1-1e-9) {
				t.Errorf("sigma %g, p %g: tau %g is larger than it need be", sigma, p, tau)
			}
		}
	}
}

// A calibrated sigma is on the wanted side, within about 0.1 %, and is what the
// library returns for the very arguments that are drawn with.
func TestCalibrate(t *testing.T) {
	for _, linf := range []int64{1, 6, 18_600_000, 1 << 30} {
		for _, relative := range []float64{1 - 5e-10, 1, 1.0001, 1.0005, 1.5, 2, 3.1415, 25.51, 1e3, 1e5, 9.9e6} {
			for _, s := range []side{atLeast, atMost} {
				target := relative * float64(linf)
				d, err := calibrate(linf, target, s)
				if err != nil {
					if s == atMost && relative < 1.002 && errors.Is(err, ErrTooPrecise) {
						continue // nothing on the grid between linf and the target
					}
					t.Fatalf("linf %d relative %g: %v", linf, relative, err)
				}
				if s == atLeast && d.sigma < target || s == atMost && d.sigma > target {
					t.Errorf("linf %d: sigma %g is on the wrong side of %g", linf, d.sigma, target)
				}
				if d.sigma < float64(linf) {
					t.Errorf("linf %d: sigma %g costs more than rho 0.5 a draw", linf, d.sigma)
				}
				if math.Abs(d.sigma/target-1) > 0.0011 {
					t.Errorf("linf %d: sigma %g is far from %g", linf, d.sigma, target)
				}
				if got := noise.SigmaForGaussian(1, float64(linf), d.epsilon, calibrationDelta); got != d.sigma {
					t.Errorf("the library returns sigma %g, the plan says %g", got, d.sigma)
				}
			}
		}
	}
	for target, want := range map[float64]error{0: ErrTooPrecise, 0.5: ErrTooPrecise, math.NaN(): ErrTooPrecise, 1e8: ErrTooCoarse, math.Inf(1): ErrTooCoarse} {
		if _, err := calibrate(1, target, atLeast); !errors.Is(err, want) || !errors.Is(err, ErrAccuracy) {
			t.Errorf("target %g: %v, want %v", target, err, want)
		}
	}
}

// The sensitivities, by hand: L0, delta squared and cells, straight from the
// package comment.
func TestChannelSensitivities(t *testing.T) {
	c, err := compile(everyKind())
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, ch := range c.channels {
		got += fmt.Sprintf("%s cells %d linf %d moved %d delta2 %s\n", ch.name, ch.cells, ch.linf, ch.moved, ch.delta2)
	}
	want := `people cells 1 linf 1 moved 1 delta2 1
visits cells 1 linf 4 moved 1 delta2 16
fee cells 1 linf 900 moved 1 delta2 810000
mean/sum cells 1 linf 500 moved 1 delta2 250000
mean/rows cells 1 linf 3 moved 1 delta2 9
q cells 272 linf 1 moved 2 delta2 2
h cells 5 linf 3 moved 3 delta2 9
s cells 5 linf 300 moved 2 delta2 180000
`
	if got != want {
		t.Errorf("channels:\n%swant:\n%s", got, want)
	}
	total := int64(0)
	draws := make([]draw, len(c.channels))
	for i, ch := range c.channels {
		if draws[i], err = calibrate(ch.linf, 10*float64(ch.linf), atLeast); err != nil {
			t.Fatal(err)
		}
		d2, _ := ch.delta2.Float64()
		total += int64(math.Ceil(3 * d2 / (2 * draws[i].sigma * draws[i].sigma) * rhoUnits))
	}
	p, err := c.plan(draws, DeltaRule{Fixed: 1e-12})
	if err != nil {
		t.Fatal(err)
	}
	if d := p.cost.Rho - total; d < -8 || d > 8 {
		t.Errorf("rho %d, by hand %d", p.cost.Rho, total)
	}
	// Finite support: L0 * cells moved * Q(8.8 - linf/sigma), here linf/sigma = 0.1
	// and 12 cells in all, on top of the threshold's delta.
	impl := 3 * 12 * normal.Upper(8.8-0.1) * 1e21
	if d := float64(p.cost.Delta) - 1e9; d < 0.98*impl || d > impl+8 {
		t.Errorf("delta %g beyond the threshold's, by hand %g", d, impl)
	}
}

// everyKind has every kind but survival, which needs L0 = 1.
func everyKind() Spec {
	pos := []string{"0", "1", "2", "3", "4"}
	return Spec{
		L0: 3, K: 20, MaxRows: 1000, MaxPeople: 1_000_000,
		Keys:    []Key{{Name: "region", Values: []string{"a", "b"}}, {Name: "sex", Values: []string{"f", "m"}}},
		Columns: []string{"fee", "pos"},
		Measures: []Measure{
			{Name: "visits", Unit: "rows", Kind: KindRows, Rows: 4, Reference: 1},
			{Name: "fee", Unit: "fen", Kind: KindSum, Column: "fee", RowLo: -100, RowHi: 500, Lo: -200, Hi: 900, Reference: 100},
			{Name: "mean", Unit: "fen", Kind: KindMean, Column: "fee", RowLo: 0, RowHi: 500, Rows: 3, Centre: 100, Lo: -300, Hi: 500, Reference: 120, ReferencePeople: 1000},
			{Name: "q", Unit: "fen", Kind: KindQuantiles, Column: "fee", RowLo: 0, RowHi: 500, Lo: 0, Hi: 1000, Probs: []float64{0.5, 0.9}, ReferencePeople: 1000},
			{Name: "h", Unit: "rows", Kind: KindHistogram, At: "pos", Rows: 3, Positions: pos, Reference: 0.2},
			{Name: "s", Unit: "fen", Kind: KindSeries, Column: "fee", At: "pos", RowLo: 0, RowHi: 500, Lo: 0, Hi: 300, Positions: pos, MaxPositions: 2, Reference: 30},
		},
	}
}

// survivalSpec is a survival question for everyone.
func survivalSpec(positions int) Spec {
	s := Spec{L0: 1, K: 20, MaxRows: 1000, MaxPeople: 1_000_000, Columns: []string{"month", "event"}}
	m := Measure{Name: "curve", Unit: "probability", Kind: KindSurvival, At: "month", Event: "event", Reference: 0.6, ReferencePeople: 1000}
	for i := range positions {
		m.Positions = append(m.Positions, fmt.Sprint(i))
	}
	s.Measures = []Measure{m}
	return s
}
