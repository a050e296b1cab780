package dp

import (
	"math"
	"testing"
)

// The yardstick's epsilon is what Laplace noise of the same median costs: a
// count in two groups, a vector and a series each by what a person moves in L1.
func TestLaplaceEpsilon(t *testing.T) {
	s := Spec{
		K: 20, L0: 2, MaxRows: 10, MaxPeople: 1000, Columns: []string{"x", "at"},
		Keys: []Key{{Name: "g", Values: []string{"a", "b", "c"}}},
		Measures: []Measure{
			{Name: "v", Unit: "fen", Kind: KindVector, Column: "x", At: "at", RowHi: 100, Hi: 100, Positions: []string{"p", "q", "r"}},
			{Name: "s", Unit: "fen", Kind: KindSeries, Column: "x", At: "at", RowHi: 100, Hi: 100, Positions: []string{"p", "q", "r"}, MaxPositions: 2},
		},
	}
	p, err := Price(s, Want{Rho: 0.1}, DeltaRule{Fixed: 1e-9})
	if err != nil {
		t.Fatal(err)
	}
	const median = 0.67448975 // of the size of a standard normal
	want := 0.0
	for name, l1 := range map[string]float64{"people": 1, "v": 100, "s": 200} {
		scale := p.Sigmas()[name] * median / math.Ln2
		want += 2 * l1 / scale
	}
	if got := p.LaplaceEpsilon(); math.Abs(got-want) > 1e-6*want {
		t.Errorf("epsilon %g, want %g", got, want)
	}
}
