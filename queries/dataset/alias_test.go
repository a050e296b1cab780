package dataset_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/qunxiang/qunxiang/queries/dataset"
)

// without leaves one person out: the rows that identify the person.
func (s source) without(certno string) source {
	out := source{}
	for name, tab := range s {
		out[name] = tab
	}
	tab := s["psn_info_b"]
	out["psn_info_b"] = table{tab.header, slices.DeleteFunc(slices.Clone(tab.rows), func(r []string) bool { return r[1] == certno })}
	return out
}

// People who claim the same alias do not touch each other: whoever of them joins
// or leaves, all others keep the very rows they have.
func TestSharedAliasIsLocal(t *testing.T) {
	t.Parallel()
	s := crowd(rand.New(rand.NewPCG(3, 1)), 6).more("psn_info_b",
		"P1,D1,n,1,1955-01-01,,1",                            // P1 is C1 and D1
		"P2,D2,n,1,1985-01-01,,1", "P2,D3,n,1,2018-01-01,,1", // P2 is three, one of whom is born too late for its rows
		"P3,D2,n,1,1985-01-01,,1", "P4,C2,n,2,1960-01-01,,1", // D2 claims three, C2 two
		"P1,D2,n,1,1985-01-01,,1",
	)
	imported := func(s source) *loaded {
		o := options(t, "national-a", s.write(t))
		o.MaxRows = 4
		return loadWith(t, o)
	}
	whole := imported(s)
	for _, leaves := range []string{"C0", "C1", "D1", "C2", "D2", "D3"} {
		l := imported(s.without(leaves))
		others := "psn_key <> " + testKey(t).PersonKey(leaves).Big().String()
		got, want := l.content(t, others), whole.content(t, others)
		for _, tab := range dataset.Tables() {
			if !slices.Equal(got[tab.Name], want[tab.Name]) {
				t.Errorf("without %s other people's %s changed: %d and %d rows", leaves, tab.Name, len(want[tab.Name]), len(got[tab.Name]))
			}
		}
	}
	for _, c := range []string{"C1", "D1"} {
		if n := whole.number(t, "SELECT count(*) FROM snapshot.settlement WHERE psn_key = "+testKey(t).PersonKey(c).Big().String()); n == 0 {
			t.Errorf("%s has no rows of the alias it shares", c)
		}
	}
}

// However many claim an alias, its rows are under four people at most, whatever
// the order of the claims; one more claimant takes the place of one other at most.
func TestClaimantsAreFew(t *testing.T) {
	t.Parallel()
	have := func(claims []int) []string {
		s := national()
		for _, i := range claims {
			s.more("psn_info_b", fmt.Sprintf("P2,X%d,n,1,1950-01-01,,1", i))
		}
		return load(t, "national-a", s.write(t)).text(t, "SELECT psn_key FROM snapshot.settlement WHERE setl_date = '2017-03-01' ORDER BY ALL")
	}
	many := have([]int{1, 2, 3, 4, 5, 6, 7, 8})
	if again := have([]int{8, 3, 5, 2, 7, 6, 4, 1}); len(many) != 4 || !slices.Equal(many, again) {
		t.Errorf("%d people, %d in another order", len(many), len(again))
	}
	fewer := have([]int{1, 2, 3, 4, 5, 6, 7})
	lost := slices.DeleteFunc(slices.Clone(fewer), func(k string) bool { return slices.Contains(many, k) })
	if len(lost) > 1 {
		t.Errorf("one more claimant took the place of %d", len(lost))
	}
	if all := have([]int{1, 2}); len(all) != 3 {
		t.Errorf("%d of three claimants", len(all))
	}
}
