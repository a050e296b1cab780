package duckdb

import (
	"encoding/binary"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/qunxiang/qunxiang/queries"
)

// The index numbers people as a map would, whatever the keys look like.
func TestPersonIndex(t *testing.T) {
	var x personIndex
	rapid.Check(t, func(rt *rapid.T) {
		x.reset()
		shift := rapid.SampledFrom([]int{0, 1, 10, 32, 63}).Draw(rt, "shift") // equal low bits
		keys := rapid.SliceOf(rapid.Custom(func(rt *rapid.T) [2]uint64 {
			return [2]uint64{rapid.Uint64Range(0, 3000).Draw(rt, "low") << shift, rapid.Uint64Range(0, 2).Draw(rt, "high") << shift}
		})).Draw(rt, "keys")
		for i := range 2000 * rapid.IntRange(0, 1).Draw(rt, "many") {
			keys = append(keys, [2]uint64{uint64(i) << shift, 7})
		}
		want := map[[2]uint64]uint32{}
		for _, k := range keys {
			n, ok := want[k]
			if !ok {
				n = uint32(len(want))
				want[k] = n
			}
			if got := x.number(k[0], k[1]); got != n {
				rt.Fatalf("key %v is %d, want %d", k, got, n)
			}
		}
		if len(x.keys) != len(want) {
			rt.Fatalf("%d keys, want %d", len(x.keys), len(want))
		}
		for k, n := range want {
			b := x.keys[n]
			if binary.BigEndian.Uint64(b[:8]) != k[1] || binary.BigEndian.Uint64(b[8:]) != k[0] {
				rt.Fatalf("key %v became %x", k, b)
			}
		}
	})
}

func TestFloorDiv(t *testing.T) {
	for _, c := range []struct{ v, by, want int64 }{
		{24203, 3, 8067}, {0, 3, 0}, {2, 3, 0}, {3, 3, 1}, {-1, 3, -1}, {-3, 3, -1}, {-4, 3, -2}, {math.MinInt64, 2, math.MinInt64 / 2},
	} {
		if got := floorDiv(c.v, c.by); got != c.want {
			t.Errorf("floorDiv(%d, %d) = %d, want %d", c.v, c.by, got, c.want)
		}
	}
}

// Every person is in exactly one range, and ranges are as large as wanted.
func TestRangesCoverEveryone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		people := rapid.SampledFrom([]uint32{0, 1, 2, 7, 1000, 250_000, 1_000_000}).Draw(rt, "people")
		rows := int64(people) * rapid.Int64Range(0, 50).Draw(rt, "rows a person")
		wanted := rapid.Int64Range(1, 1<<20).Draw(rt, "wanted")
		workers := rapid.IntRange(1, 16).Draw(rt, "workers")
		s := &store{people: people, tables: map[string]tableSize{"settlement": {rows: rows}}}
		r := &ranges{people: people, size: s.rangeSize(t.Context(), []queries.View{{Table: "settlement"}, {Table: "person"}}, wanted, workers)}
		if r.size < 1 || r.size > maxRange || people > 0 && int64(r.size-1)*rows > wanted*int64(people) {
			rt.Fatalf("ranges of %d people", r.size)
		}
		if people/r.size > 10_000 {
			return // slow, and no different
		}
		next := uint32(0)
		n := 0
		for {
			lo, hi, ok := r.take()
			if !ok {
				break
			}
			if lo != next || hi < lo {
				rt.Fatalf("range %d..%d comes after %d", lo, hi, next)
			}
			next = hi + 1
			n++
		}
		if next != people || n != r.count() {
			rt.Fatalf("%d ranges (%d said) end at %d of %d", n, r.count(), next, people)
		}
	})
}
