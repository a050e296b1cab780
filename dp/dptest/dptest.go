// Package dptest opens dp for tests: exact totals, a release without noise, an
// obviously right bounding to compare with, and assertions about neighbours and
// distributions that state their false-alarm rate. Only test code may import it.
package dptest

import (
	"slices"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/dp/internal/seam"
)

// Group is a group's exact cells by channel name: "people" (one cell), a
// measure's name, or for a mean its name with "/sum" and "/rows", for a spread
// also "/squares", for marginals with "/tables": the table of each pair of
// attributes in order, row by row. Quantiles have 16 coarse and then 256 fine bins; survival has
// censored, event and perhaps competing event by turns.
type Group struct {
	Keys  []string
	Cells map[string][]int64
}

// People is the exact count of people.
func (g Group) People() int64 { return g.Cells["people"][0] }

// Exact reads totals without spending them: the groups that have people, in the
// order of their keys.
func Exact(tb testing.TB, t *dp.Totals) []Group {
	tb.Helper()
	return groupsOf(unseal(tb, t))
}

func groupsOf(exact *seam.Exact) []Group {
	out := []Group{}
	for _, g := range exact.Groups {
		if g.Cells["people"][0] > 0 {
			out = append(out, Group{Keys: append([]string{}, g.Keys...), Cells: g.Cells})
		}
	}
	sortGroups(out)
	return out
}

func unseal(tb testing.TB, t *dp.Totals) *seam.Exact {
	tb.Helper()
	exact, err := t.Unseal(seam.Issue())
	if err != nil {
		tb.Fatalf("exact totals: %v", err)
	}
	return exact
}

func sortGroups(groups []Group) {
	slices.SortFunc(groups, func(a, b Group) int { return slices.Compare(a.Keys, b.Keys) })
}

// Find is the group with the given keys; nil if nobody is in it.
func Find(groups []Group, keys ...string) *Group {
	for i := range groups {
		if slices.Equal(groups[i].Keys, keys) {
			return &groups[i]
		}
	}
	return nil
}

// ReleaseExact is dp.Release with noise of zero: the threshold, the intervals
// and everything else stay.
func ReleaseExact(tb testing.TB, t *dp.Totals, p *dp.Plan) *dp.Table {
	tb.Helper()
	table, err := dp.ReleaseWith(seam.Issue(), t, p, silent{})
	if err != nil {
		tb.Fatalf("release: %v", err)
	}
	return table
}

type silent struct{}

func (silent) Add(x, _ int64, _, _ float64) (int64, error) { return x, nil }

// Row is one contribution.
type Row struct {
	Person [16]byte // psn_key
	Keys   []string
	Values []int64
}

// Person makes a psn_key from a name of up to 16 bytes.
func Person(name string) [16]byte {
	var key [16]byte
	copy(key[:], name)
	return key
}

// Fill adds rows, in any order, as one batch. All rows of a person must come in
// one call.
func Fill(tb testing.TB, t *dp.Totals, rows []Row) {
	tb.Helper()
	if err := t.AddRange(Batch(tb, t, rows)); err != nil {
		tb.Fatalf("add: %v", err)
	}
}

// Batch lays rows out as dp wants them, keeping their order.
func Batch(tb testing.TB, t *dp.Totals, rows []Row) *dp.Batch {
	tb.Helper()
	b := &dp.Batch{Values: make([][]int64, len(t.Spec().Columns))}
	index := map[[16]byte]uint32{}
	codes := map[string]int32{}
	for _, r := range rows {
		p, ok := index[r.Person]
		if !ok {
			p = uint32(len(b.Keys))
			index[r.Person] = p
			b.Keys = append(b.Keys, r.Person)
		}
		name := strings.Join(r.Keys, "\x00")
		g, ok := codes[name]
		if !ok {
			var err error
			if g, err = t.Group(r.Keys); err != nil {
				tb.Fatalf("group: %v", err)
			}
			codes[name] = g
		}
		b.Person = append(b.Person, p)
		b.Group = append(b.Group, g)
		for c := range b.Values {
			b.Values[c] = append(b.Values[c], r.Values[c])
		}
	}
	return b
}
