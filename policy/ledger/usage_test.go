package ledger

import (
	"testing"

	"pgregory.net/rapid"
)

// Parts add up to the whole, and each is within one of its exact share.
func TestAllocate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Int64Range(0, 1<<62).Draw(t, "total")
		weights := rapid.SliceOfN(rapid.Int64Range(0, 1<<62), 1, 20).Draw(t, "weights")
		var sum int64
		var whole float64
		for _, w := range weights {
			whole += float64(w)
		}
		parts := Allocate(total, weights)
		for i, p := range parts {
			sum += p
			if p < 0 || whole > 0 && weights[i] == 0 && p > 0 {
				t.Errorf("weight %d has %d", weights[i], p)
			}
			if exact := float64(total) * float64(weights[i]) / whole; whole > 0 && total < 1<<40 && (float64(p) > exact+1.001 || float64(p) < exact-1.001) {
				t.Errorf("weight %d of %g has %d of %d", weights[i], whole, p, total)
			}
		}
		if sum != total {
			t.Errorf("parts add up to %d, not %d", sum, total)
		}
	})
	for _, c := range []struct {
		total   int64
		weights []int64
		want    []int64
	}{{100, []int64{1, 1, 1}, []int64{34, 33, 33}}, {7, []int64{0, 0}, []int64{4, 3}}, {10, []int64{0, 5}, []int64{0, 10}}, {5, nil, nil}} {
		got := Allocate(c.total, c.weights)
		for i := range c.want {
			if got[i] != c.want[i] {
				t.Errorf("%d by %v: %v", c.total, c.weights, got)
			}
		}
	}
}
