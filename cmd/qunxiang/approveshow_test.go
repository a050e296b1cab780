package main

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// The changes make of the old lines the new ones, and no line of what goes or comes is
// left out: an approver who reads them has read all.
func TestChangesAreWhole(t *testing.T) {
	line := rapid.SampledFrom([]string{"a", "b", "c", ""})
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.SliceOfN(line, 0, 12).Draw(t, "a"), rapid.SliceOfN(line, 0, 12).Draw(t, "b")
		count := map[string]int{}
		for _, l := range changes(a, b) {
			switch {
			case strings.HasPrefix(l, "- "):
				count[l[2:]]--
			case strings.HasPrefix(l, "+ "):
				count[l[2:]]++
			default:
				t.Fatalf("a line that neither goes nor comes: %q", l)
			}
		}
		for _, l := range a {
			count[l]++
		}
		for _, l := range b {
			count[l]--
		}
		for l, n := range count {
			if n != 0 {
				t.Fatalf("%q is off by %d", l, n)
			}
		}
	})
	if got := changes([]string{"k: 20", "x", "y"}, []string{"k: 30", "x", "z", "y"}); !slices.Equal(got, []string{"- k: 20", "+ k: 30", "+ z"}) {
		t.Errorf("got %q", got)
	}
	long := slices.Repeat([]string{"a", "b"}, 2000)
	if got := changes(append([]string{"c"}, long...), append(slices.Clone(long), "d")); len(got) != 2*len(long)+2 {
		t.Errorf("a change too large for a table has %d lines", len(got))
	}
}

// By its kind the policy that waits is signed, and approvals are taken back of both.
func TestWhichPolicyIsMeant(t *testing.T) {
	waits := api.Proposal{Subject: ledger.SubjectGrant, Name: "policy b", Digest: strings.Repeat("b", 64), Replaces: strings.Repeat("a", 64)}
	force := api.Proposal{Subject: ledger.SubjectGrant, Name: "policy a", Digest: strings.Repeat("a", 64)}
	for _, c := range []struct {
		list   []api.Proposal
		what   string
		revoke bool
		want   string
	}{
		{[]api.Proposal{force, waits}, "grant", false, "policy b"},
		{[]api.Proposal{force, waits}, "grant", true, "policy a policy b"},
		{[]api.Proposal{force}, "grant", false, "policy a"},
		{[]api.Proposal{force, waits}, strings.Repeat("a", 20), false, "policy a"},
	} {
		chosen, err := choose(c.list, []string{c.what}, c.revoke)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, p := range chosen {
			names = append(names, p.Name)
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%s, revoke %t: %s, want %s", c.what, c.revoke, got, c.want)
		}
	}
}
