package main

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/policy/witness"
	"github.com/qunxiang/qunxiang/queries"
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

// Whoever shows a policy may not have it signed under another name, author or digest than
// its own.
func TestWhatIsShownIsSigned(t *testing.T) {
	key := func(b byte) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{b}, 32)) }
	text := string(supervisedText(t, key))
	rules, err := policy.Parse("policy.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	g := queries.GrantLeaf(rules)
	leaf, err := ledger.Content(&g)
	if err != nil {
		t.Fatal(err)
	}
	good := api.Proposal{Subject: ledger.SubjectGrant, Name: policyName(rules.Digest()), Detail: text, Leaf: leaf, Digest: digestOf(leaf), By: []string{rules.Supervision.Author}}
	if err := checkProposal(good); err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*api.Proposal){
		"name":   func(p *api.Proposal) { p.Name = policyName(strings.Repeat("0", 64)) },
		"author": func(p *api.Proposal) { p.By = []string{"steward-s"} },
		"nobody": func(p *api.Proposal) { p.By = nil },
		"digest": func(p *api.Proposal) { p.Digest = strings.Repeat("0", 64) },
		"text":   func(p *api.Proposal) { p.Detail += "# more\n" },
		"hidden": func(p *api.Proposal) { p.Detail += "# \x1b[2J\n" },
	} {
		bad := good
		if edit(&bad); checkProposal(bad) == nil {
			t.Errorf("signed with another %s", name)
		}
	}
}

// supervisedText is a policy that steward-a has put forward.
func supervisedText(t *testing.T, key func(byte) string) []byte {
	t.Helper()
	w, err := witness.NewCosigner("w.example", bytes.Repeat([]byte{9}, 32), nil)
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Parse("policy.yaml", policy.Evaluation(policy.EvaluationOptions{Population: "city", Until: time.Now().AddDate(1, 0, 0)}))
	if err != nil {
		t.Fatal(err)
	}
	p.Mode, p.Grants = policy.ModeSupervised, nil
	p.Principals = nil
	s := &supervising{
		organisations: []string{"authority=The authority|statute|2036-12-31"},
		persons:       []string{"steward-a:authority:steward=Ada", "steward-b:authority:steward=Bo", "steward-c:authority:steward=Cy"},
		approvers:     []string{"Ada=" + key(1), "Bo=" + key(2), "Cy=" + key(3)},
		witnesses:     []string{"http://w.example/=" + w.VerifierKey()},
	}
	p.Supervision = policy.Supervision{Owner: "The authority", Author: "steward-a", Quorum: 1, Retention: policy.MinRetention}
	for _, step := range []func(*policy.Policy) error{s.people, s.agreements, s.keys, s.cosigners} {
		if err := step(p); err != nil {
			t.Fatal(err)
		}
	}
	return p.Format()
}
