package duckdb

import (
	"fmt"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"github.com/qunxiang/qunxiang/dp"
)

// groupCodes finds the dp code of group keys that are not all public. It
// numbers what it has seen so that dp is asked once per group and worker.
type groupCodes struct {
	totals *dp.Totals
	keys   []keyReader
	words  []map[string]int32 // per private key: its values' numbers
	names  [][]string
	pairs  []map[uint64]int32 // per key: number of (number of the prefix, number of the value)
	steps  [][]uint64         // per key: the pair of each number
	tuples []tuple            // by number of the whole key
}

type tuple struct {
	values []string
	code   int32
	asked  bool
}

func newGroupCodes(keys []keyReader, totals *dp.Totals) *groupCodes {
	g := &groupCodes{totals: totals, keys: keys, names: make([][]string, len(keys)), steps: make([][]uint64, len(keys))}
	for k, r := range keys {
		g.words = append(g.words, map[string]int32{})
		g.pairs = append(g.pairs, map[uint64]int32{})
		g.names[k] = append(g.names[k], r.values...)
	}
	return g
}

// add goes on from the prefix number in code to that of the prefix and key k.
func (g *groupCodes) add(k int, reader keyReader, a arrow.Array, code []int32) error {
	step := func(i int, p int32) {
		if code[i] < 0 || p < 0 {
			code[i] = -1
			return
		}
		pair := uint64(code[i])<<32 | uint64(uint32(p))
		n, ok := g.pairs[k][pair]
		if !ok {
			n = int32(len(g.pairs[k]))
			g.pairs[k][pair] = n
			g.steps[k] = append(g.steps[k], pair)
			if k == len(g.keys)-1 {
				g.tuples = append(g.tuples, tuple{values: g.unfold(pair)})
			}
		}
		code[i] = n
	}
	if reader.kind != keyPrivate {
		return eachPosition(reader, a, step)
	}
	col, ok := a.(*array.String)
	if !ok {
		return errShape
	}
	for i := range code {
		if col.IsNull(i) {
			step(i, -1)
			continue
		}
		p, ok := g.words[k][col.Value(i)]
		if !ok {
			word := strings.Clone(col.Value(i))
			p = int32(len(g.names[k]))
			g.words[k][word] = p
			g.names[k] = append(g.names[k], word)
		}
		step(i, p)
	}
	return nil
}

// unfold writes out the key whose last step is pair.
func (g *groupCodes) unfold(pair uint64) []string {
	values := make([]string, len(g.keys))
	for k := len(g.keys) - 1; ; k-- {
		values[k] = g.names[k][uint32(pair)]
		if k == 0 {
			return values
		}
		pair = g.steps[k-1][pair>>32]
	}
}

// resolve turns numbers of whole keys into dp's codes.
func (g *groupCodes) resolve(code []int32) error {
	for i, n := range code {
		if n < 0 {
			continue
		}
		t := &g.tuples[n]
		if !t.asked {
			c, err := g.totals.Group(t.values)
			if err != nil {
				return fmt.Errorf("%w: %w", ErrRun, err)
			}
			t.code, t.asked = c, true
		}
		code[i] = t.code
	}
	return nil
}
