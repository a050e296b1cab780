package dp

import (
	"errors"
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"
)

// A value lies in its bin, bins are in order and together are [lo, hi]: checked
// with exact fractions, apart from the integer arithmetic under test.
func TestOctavesPartition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lo := rapid.Int64Range(-1<<40, 1<<40).Draw(t, "lo")
		hi := lo + rapid.Int64Range(minOctaves, 1<<45).Draw(t, "width")
		x := rapid.Int64Range(lo, hi).Draw(t, "x")
		b := octaveOf(x, lo, hi)
		if b < 0 || b >= leaves {
			t.Fatalf("bin %d", b)
		}
		edge := func(b int64) *big.Rat { // w*2^(j-1)*(1+i/16), or w*i/16 below w
			w := (hi - lo) >> doublings
			j, i := b/fanout, b%fanout
			if j == 0 {
				return big.NewRat(w*i, fanout)
			}
			return new(big.Rat).Mul(new(big.Rat).SetInt64(w<<(j-1)), big.NewRat(fanout+i, fanout))
		}
		d := new(big.Rat).SetInt64(x - lo)
		if d.Cmp(edge(b)) < 0 || b < leaves-1 && d.Cmp(edge(b+1)) >= 0 {
			t.Fatalf("%d is not in bin %d of [%d, %d]", x, b, lo, hi)
		}
		if f, _ := edge(b).Float64(); math.Abs(octaveEdge(int(b), lo, hi)-f) > 1e-9*(1+f) {
			t.Fatalf("edge %d is %g, want %g", b, octaveEdge(int(b), lo, hi), f)
		}
	})
	if octaveOf(50_000_000, 0, 50_000_000) != leaves-1 || octaveOf(0, 0, 50_000_000) != 0 {
		t.Error("the ends are not in the end bins")
	}
}

// The point of octaves: a median of 1,000 yuan under a bound of 500,000 yuan is
// found to a few per cent, where equal bins of 1,953 yuan are lost.
func TestOctavesFindSmallQuantiles(t *testing.T) {
	m := measure{Measure: Measure{Lo: 0, Hi: 50_000_000, Probs: []float64{0.1, 0.5, 0.9}, Octaves: true}}
	cells := make([]int64, fanout+leaves)
	for x := int64(1); x <= 10_000; x++ {
		leaf := m.leaf(20 * x) // 0.2 to 2,000 yuan, evenly
		cells[leaf/fanout]++
		cells[fanout+leaf]++
	}
	for i, q := range m.quantiles(cells, 1e-9) {
		want := 200_000 * m.Probs[i]
		if math.Abs(q.Value-want) > 0.03*want {
			t.Errorf("quantile %s is %g, want %g", q.At, q.Value, want)
		}
	}
}

func TestOctavesNeedRoom(t *testing.T) {
	s := Spec{L0: 1, K: 20, Columns: []string{"v"}, MaxRows: 10, MaxPeople: 1e6, Measures: []Measure{{
		Name: "q", Kind: KindQuantiles, Column: "v", RowLo: 0, RowHi: minOctaves, Lo: 0, Hi: minOctaves, Probs: []float64{0.5}, Octaves: true,
	}}}
	if err := s.Check(); err != nil {
		t.Fatal(err)
	}
	s.Measures[0].Hi--
	if err := s.Check(); !errors.Is(err, ErrSpec) {
		t.Errorf("too narrow for octaves: %v", err)
	}
	s.Measures[0].Kind, s.Measures[0].Probs = KindSum, nil
	if err := s.Check(); !errors.Is(err, ErrSpec) {
		t.Errorf("octaves of a sum: %v", err)
	}
}
