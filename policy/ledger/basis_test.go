package ledger_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// What a charge rested on stays what it was, whatever is said or revoked later.
func TestBasis(t *testing.T) {
	l, _, c, o := kept(t)
	w := world{t, l, c}
	must(t, w.ask("r-0"))
	must(t, l.Close())
	l = open(t, o)
	w = world{t, l, c}
	first, ok := l.Trace("r-0")
	b, err := l.Basis(first.Request.Index)
	must(t, err)
	if !ok || b.Mode != "evaluation" || b.Approvals != nil || b.Leaf != 0 {
		t.Errorf("an evaluation's: %+v", b)
	}
	g := supervised(1000)
	_, err = l.Grant(ctx, g)
	must(t, err)
	w.approveLeaf(ledger.SubjectGrant, &g, "ada", "bo", "cy") // cy put it forward and does not count
	w.approveLeaf(ledger.SubjectSnapshot, &ledger.Snapshot{Snapshot: "snap-1", By: "steward-s"}, "ada", "bo")
	w.approve(ledger.SubjectTemplate, templateDigest, "ada", "bo")
	c.step(time.Second)
	_, err = l.Approve(ctx, says("ada", ledger.SubjectTemplate, templateDigest, c.now(), revoked))
	must(t, err)
	w.approve(ledger.SubjectTemplate, templateDigest, "cy")
	must(t, w.ask("r-1"))
	w.approve(ledger.SubjectTemplate, templateDigest, "ada")
	_, err = l.Approve(ctx, says("bo", ledger.SubjectTemplate, templateDigest, c.now().Add(time.Second), revoked))
	must(t, err)
	for range 2 {
		charged, _ := l.Trace("r-1")
		b, err := l.Basis(charged.Request.Index)
		must(t, err)
		var got []string
		for _, a := range b.Approvals {
			got = append(got, a.Subject+" "+a.Approver)
			if leaf, _, err := l.Leaf(a.Index); err != nil || leaf.Body.Type() != ledger.TypeApprove {
				t.Errorf("leaf %d: %v", a.Index, err)
			}
		}
		want := "[grant ada grant bo snapshot ada snapshot bo template bo template cy]"
		if fmt.Sprint(got) != want || b.Mode != "supervised" || b.K != "20" || b.Policy != g.Policy {
			t.Errorf("%v, want %s: %+v", got, want, b)
		}
		must(t, l.Close())
		l = open(t, o) // the fold of the log says the same
	}
	_, err = l.Basis(0)
	want(t, err, ledger.ErrUnknown)
	must(t, l.Close())
}

// subjects are what a charge rested on, each with whose word.
func subjects(t *testing.T, w world, charge int64) (said []string) {
	t.Helper()
	b, err := w.Basis(charge)
	must(t, err)
	for _, a := range b.Approvals {
		said = append(said, a.Subject+" "+a.Approver)
	}
	slices.Sort(said)
	return said
}

// A charge rested on what the fold counted: what somebody said last on a thing, and only if
// it was said under the template's name.
func TestBasisIsWhatCounted(t *testing.T) {
	for _, taken := range []bool{true, false} { // taken back, or approved, under another name
		w, _ := overseen(t)
		w.approve(ledger.SubjectTemplate, templateDigest, "cy")
		w.c.step(time.Second)
		_, err := w.Approve(ctx, says("ada", ledger.SubjectTemplate, templateDigest, w.c.now(), func(a *ledger.Approve) { a.Name, a.Revoked = "another", taken }))
		must(t, err)
		must(t, w.ask("r-1"))
		charged, _ := w.Trace("r-1")
		if got, want := fmt.Sprint(subjects(t, w, charged.Request.Index)), "[grant ada grant bo snapshot ada snapshot bo template bo template cy]"; got != want {
			t.Errorf("taken back %t: %s, want %s", taken, got, want)
		}
	}
}

// A training's charge rested on the approvals of its job too, but for those of who trains.
func TestBasisOfATraining(t *testing.T) {
	l, _, c, _ := kept(t)
	w, g := world{t, l, c}, supervised(1000)
	g.Approvers = append(g.Approvers, ledger.Approver{Person: "dee", Key: publicOf("dee")})
	g.Persons[0].Person = "dee" // insurer-a, who trains
	_, err := l.Grant(ctx, g)
	must(t, err)
	w.approveLeaf(ledger.SubjectGrant, &g, "ada", "bo")
	w.approveLeaf(ledger.SubjectSnapshot, &ledger.Snapshot{Snapshot: "snap-1", By: "steward-s"}, "ada", "bo")
	w.approve(ledger.SubjectTemplate, templateDigest, "ada", "bo")
	aside := reserve(digest("card"), 10)
	aside.TemplateDigest, aside.Cost = templateDigest, dp.Cost{Rho: 10, Delta: 10}
	w.approveJob(aside, "ada", "cy", "dee")
	w.approve(ledger.SubjectJob, aside.Job, "bo") // under another name
	must(t, w.Meet(ctx))
	_, err = w.Reserve(ctx, aside)
	must(t, err)
	round := under(l, attempt(aside.Job, "one", 1, c.now()))
	round.TemplateDigest = templateDigest
	at, err := w.Charge(ctx, round)
	must(t, err)
	if got, want := fmt.Sprint(subjects(t, w, at)), "[grant ada grant bo job ada job cy snapshot ada snapshot bo template ada template bo]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
