package ledger_test

import (
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// A charge is found by its own leaf and by its release's, and by nothing else; what was
// abandoned is counted.
func TestLookups(t *testing.T) {
	c := newClock()
	l, _ := fresh(t, c)
	defer l.Close()
	first, released := answer(t, l, c, "one", 10)
	second, err := l.Charge(t.Context(), under(l, charge("two", 10, c.now())))
	must(t, err)
	if open := l.Running(); l.Abandoned() != 0 || len(open) != 1 || open[0].ID != "two" {
		t.Errorf("of an open charge and an answered one, %d are abandoned and %+v run", l.Abandoned(), open)
	}
	c.step(time.Hour) // past its slot
	gone, err := l.Abandon(t.Context(), second)
	must(t, err)
	for leaf, id := range map[int64]string{first: "one", released: "one", second: "two", gone: "", gone + 1: "", -1: ""} {
		if r, ok := l.Charged(leaf); ok != (id != "") || r.ID != id {
			t.Errorf("leaf %d is of %q", leaf, r.ID)
		}
	}
	if l.Abandoned() != 1 || len(l.Running()) != 0 {
		t.Errorf("%d were abandoned", l.Abandoned())
	}
	r, _ := l.Charged(first)
	own := l.Past(r.Principal, 9)
	if len(own) != 2 || own[0].ID != "two" || own[1].ID != "one" || len(l.Past(r.Principal, 1)) != 1 || len(l.Past("nobody", 9)) != 0 || len(l.Rounds()) != 0 {
		t.Errorf("newest: %+v", own)
	}
	own[1].Scopes[0] = "changed" // a copy's
	if r, _ := l.Charged(first); r.Scopes[0] == "changed" {
		t.Error("the fold was handed out")
	}
	if l.SupervisedSince() != -1 {
		t.Error("an evaluation is supervised")
	}
}

// What comes after the first policy that names approvers is told from what nobody approved,
// also once another policy follows it.
func TestSupervisedSince(t *testing.T) {
	w, g := overseen(t)
	since := w.SupervisedSince()
	if since < 0 {
		t.Fatal("a supervised domain is none")
	}
	g.K = "30"
	w.approveLeaf(ledger.SubjectGrant, &g, "ada", "bo")
	_, err := w.Grant(ctx, g)
	must(t, err)
	if leaf, _ := w.PolicyInForce(); leaf == since || w.SupervisedSince() != since {
		t.Errorf("since leaf %d, and after another policy %d", since, w.SupervisedSince())
	}
}

// The version to compare a template with is the one that two people approved last, whatever
// became of their word; not one that one person approved, twice, nor another template's.
func TestTemplateBefore(t *testing.T) {
	w, _ := overseen(t)
	want := func(digest, name string) {
		t.Helper()
		got, ok := w.TemplateBefore("claim-severity", digest)
		if ok != (name != "") || got.Name != name {
			t.Errorf("before %.4s came %q", digest, got.Name)
		}
	}
	want(templateDigest, "")
	want(laterDigest(1), "claim-severity@1.0.0")
	if _, ok := w.TemplateBefore("claim", laterDigest(1)); ok {
		t.Error("another template's version is taken")
	}
	w.approve(ledger.SubjectTemplate, laterDigest(1), "ada")
	w.approve(ledger.SubjectTemplate, laterDigest(1), "ada")
	want(laterDigest(2), "claim-severity@1.0.0")
	w.c.step(time.Second)
	_, err := w.Approve(ctx, says("bo", ledger.SubjectTemplate, laterDigest(1), w.c.now(), func(a *ledger.Approve) { a.Name = "claim-severity@9.9.9" }))
	must(t, err)
	want(laterDigest(2), "claim-severity@1.0.0") // the two did not approve the same name
	w.approve(ledger.SubjectTemplate, laterDigest(1), "bo")
	want(laterDigest(2), "claim-severity@1.0.1")
	want(laterDigest(1), "claim-severity@1.0.0")
	w.c.step(time.Second)
	_, err = w.Approve(ctx, says("bo", ledger.SubjectTemplate, laterDigest(1), w.c.now(), revoked))
	must(t, err)
	want(laterDigest(2), "claim-severity@1.0.1") // what came before is what had been in use
}
