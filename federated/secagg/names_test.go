package secagg

import (
	"errors"
	"testing"
)

// One organisation under three spellings is one, and one node under two names too.
func TestRosterSeesNames(t *testing.T) {
	c := newCluster(t, tinyG(t), 3, 9)
	roster := func(change func(n []Node)) Roster {
		r := c.roster
		r.Nodes = append([]Node(nil), r.Nodes...)
		change(r.Nodes)
		return r
	}
	first, second := c.roster.Nodes[0].Organisation, c.roster.Nodes[1].Organisation
	if err := roster(func(n []Node) { n[2].Organisation = "新的 公司" }).Check(); err != nil {
		t.Fatal(err)
	}
	for _, disguise := range []string{
		first, " " + first, first + "\u00a0 ", first + "\u200b", "\u2060" + first, first + "\u00ad", first + "\u3164", first + "\ufe0f",
		first + "\u2800", "\ufeff" + first, first[:1] + "\u200d" + first[1:],
	} {
		if err := roster(func(n []Node) { n[2].Organisation = disguise }).Check(); !errors.Is(err, ErrOptions) {
			t.Errorf("%q counts beside %q: %v", disguise, first, err)
		}
	}
	for _, pair := range [][2]string{{"North Mutual", "NORTH  mutual"}, {"Ärzte", "äRZTE"}, {"平安（集团）", "平安(集团)"}, {"Ａ Life", "a life"}} {
		r := roster(func(n []Node) { n[0].Organisation, n[1].Organisation, n[2].Organisation = pair[0], pair[1], second })
		if err := r.Check(); !errors.Is(err, ErrOptions) {
			t.Errorf("%q counts beside %q: %v", pair[1], pair[0], err)
		}
	}
	for _, bad := range []string{"\u200b", " ", c.roster.Nodes[0].Name + "\u200b"} {
		if err := roster(func(n []Node) { n[2].Name = bad }).Check(); !errors.Is(err, ErrOptions) {
			t.Errorf("a node is called %q: %v", bad, err)
		}
	}
}
