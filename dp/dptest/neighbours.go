package dptest

import (
	"math/big"
	"slices"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/internal/seam"
)

// AssertNeighbours checks that two totals of the same question and salt (one a
// Fork of the other) whose data differ in one person are within the declared
// bounds: at most L0 groups differ, and in each of them every channel moves no
// cell by more than its bound, no more cells than it may, and no further in
// squared distance than it is charged for.
func AssertNeighbours(tb testing.TB, with, without *dp.Totals) {
	tb.Helper()
	a, b := unseal(tb, with), unseal(tb, without)
	if a.Salt != b.Salt {
		tb.Fatal("neighbours need the same salt: make one a Fork of the other")
	}
	moved := 0
	for _, keys := range allKeys(groupsOf(a), groupsOf(b)) {
		x, y := Find(groupsOf(a), keys...), Find(groupsOf(b), keys...)
		differs := false
		for _, ch := range a.Channels {
			if assertChannel(tb, ch, keys, cellsOf(x, ch), cellsOf(y, ch)) {
				differs = true
			}
		}
		if differs {
			moved++
		}
	}
	if l0 := with.Spec().L0; moved > l0 {
		tb.Errorf("one person moved %d groups, L0 is %d", moved, l0)
	}
}

func allKeys(lists ...[]Group) [][]string {
	var out [][]string
	for _, l := range lists {
		for _, g := range l {
			out = append(out, g.Keys)
		}
	}
	slices.SortFunc(out, slices.Compare[[]string])
	return slices.CompactFunc(out, slices.Equal[[]string])
}

func cellsOf(g *Group, ch seam.Channel) []int64 {
	if g == nil {
		return make([]int64, ch.Cells)
	}
	return g.Cells[ch.Name]
}

func assertChannel(tb testing.TB, ch seam.Channel, keys []string, x, y []int64) (differs bool) {
	tb.Helper()
	distance, cells := new(big.Int), int64(0)
	for i := range x {
		d := x[i] - y[i]
		if d == 0 {
			continue
		}
		cells++
		if d > ch.Linf || -d > ch.Linf {
			tb.Errorf("group %q: one person moved cell %d of %s by %d, bound %d", keys, i, ch.Name, d, ch.Linf)
		}
		distance.Add(distance, new(big.Int).Mul(big.NewInt(d), big.NewInt(d)))
	}
	if cells > ch.Moved {
		tb.Errorf("group %q: one person moved %d cells of %s, bound %d", keys, cells, ch.Name, ch.Moved)
	}
	if distance.Cmp(ch.Delta2) > 0 {
		tb.Errorf("group %q: one person moved %s by a squared distance of %s, bound %s", keys, ch.Name, distance, ch.Delta2)
	}
	return cells > 0
}
