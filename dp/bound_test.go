package dp

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// smallest against sorting, for both of its ways and with many ties.
func TestSmallestAgainstSorting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		hash := rapid.OneOf(rapid.Uint64(), rapid.Uint64Range(0, 3))
		x := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) rank {
			return rank{hash.Draw(t, "hash"), rapid.Int32Range(0, 9).Draw(t, "item")}
		}), 1, 80).Draw(t, "x")
		k := rapid.IntRange(1, len(x)).Draw(t, "k")
		order := func(a, b rank) int {
			if a.hash != b.hash {
				if a.hash < b.hash {
					return -1
				}
				return 1
			}
			return int(a.item - b.item)
		}
		want := slices.Clone(x)
		slices.SortFunc(want, order)
		smallest(x, k, func(a, b int32) bool { return a < b })
		got := slices.Clone(x[:k])
		slices.SortFunc(got, order)
		if !slices.Equal(got, want[:k]) {
			t.Fatalf("the %d smallest are %v, got %v", k, want[:k], got)
		}
	})
}

// Marks of persons long gone must not look like this person's when the stamp
// wraps round.
func TestStampWraps(t *testing.T) {
	st := fill(t, everyKind(), 1)
	st.mark[2] = mark{stamp: 1, local: 7}
	st.stamp = ^uint32(0)
	before := st.cells[2*st.c.stride]
	b := &Batch{Person: []uint32{0, 0}, Keys: make([][16]byte, 1), Group: []int32{2, 1}, Values: [][]int64{{1, 1}, {0, 0}}}
	if err := seal(st).AddRange(b); err != nil {
		t.Fatal(err)
	}
	if got := st.cells[2*st.c.stride] - before; got != 1 {
		t.Errorf("the person was added %d times", got)
	}
}
