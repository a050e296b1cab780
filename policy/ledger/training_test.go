package ledger_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// A job trains with the approvals of two people on its card, for as long as they hold, and
// who asks it to train is none of them. A name alone makes no training.
func TestJobIsApproved(t *testing.T) {
	w, _ := overseen(t)
	aside := reserve(digest("card"), 10)
	aside.TemplateDigest, aside.Cost = templateDigest, dp.Cost{Rho: 10, Delta: 10}
	train := func(id string) error {
		must(t, w.Meet(ctx))
		c := under(w.Ledger, attempt(aside.Job, id, 1, w.c.now()))
		c.TemplateDigest = templateDigest
		_, err := w.Charge(ctx, c)
		return err
	}
	for _, people := range [][]string{nil, {"ada"}} {
		w.approveJob(aside, people...)
		_, err := w.Reserve(ctx, aside)
		want(t, err, ledger.ErrApproval)
		want(t, w.JobApproved(aside, w.c.now()), ledger.ErrApproval)
	}
	w.approveJob(aside, "bo")
	at := func(change func(*ledger.Reserve)) error {
		r := aside
		r.Scopes, r.Rules = slices.Clone(r.Scopes), ledger.RulesNow
		change(&r)
		return w.JobApproved(r, w.c.now())
	}
	must(t, at(func(*ledger.Reserve) {}))
	must(t, at(func(r *ledger.Reserve) { r.Principal = "a node" }))
	for name, change := range map[string]func(*ledger.Reserve){
		"charged to one of the two": func(r *ledger.Reserve) { r.Principal = "steward-a" },
		"dearer":                    func(r *ledger.Reserve) { r.Cost.Rho++ },
		"of a larger delta":         func(r *ledger.Reserve) { r.Cost.Delta++ },
		"on another template":       func(r *ledger.Reserve) { r.Template = "other@1.0.0" },
		"for another purpose":       func(r *ledger.Reserve) { r.Purpose = "research" },
		"longer":                    func(r *ledger.Reserve) { r.Until = "2026-11-23" },
		"elsewhere":                 func(r *ledger.Reserve) { r.Scopes[0] = population + "/2016" },
		"by another grant":          func(r *ledger.Reserve) { r.Grant = "g-2" },
		"asked for by another":      func(r *ledger.Reserve) { r.By = "steward-a" },
		"asked for by nobody":       func(r *ledger.Reserve) { r.By = "nobody" },
		"of another card":           func(r *ledger.Reserve) { r.Job = digest("another card") },
	} {
		if err := at(change); !errors.Is(err, ledger.ErrApproval) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := w.Reserve(ctx, aside)
	must(t, err)
	must(t, train("one"))
	w.c.step(time.Second)
	_, err = w.Approve(ctx, says("ada", ledger.SubjectJob, aside.Job, w.c.now(), onTerms(aside), revoked))
	must(t, err)
	want(t, train("two"), ledger.ErrApproval)
	w.approveJob(aside, "cy")
	must(t, train("three"))
}

// Who asks for a job is none of the two who approve it, and neither of the two who approve
// the template that it or a question asks by.
func TestWhoAsksApprovesNothing(t *testing.T) {
	w, g := overseen(t) // ada and bo approved the template
	g.Policy, g.By = "who asks may be an approver", "steward-s"
	also := g.Grants[0]
	also.ID, also.Principal, also.Organisation = "g-9", "steward-a", "the authority"
	g.Grants = append(g.Grants, also)
	w.approveLeaf(ledger.SubjectGrant, &g, "bo", "cy") // not ada, who gains by it
	_, err := w.Grant(ctx, g)
	must(t, err)
	ask := func(id string) error {
		must(t, w.Meet(ctx))
		c := under(w.Ledger, charge(id, 1, w.c.now()))
		c.TemplateDigest, c.Grant, c.Principal, c.Organisation = templateDigest, "g-9", "steward-a", "the authority"
		_, err := w.Charge(ctx, c)
		return err
	}
	must(t, w.ask("r-1"))
	want(t, ask("r-2"), ledger.ErrApproval)
	want(t, w.TemplateApproved(template, templateDigest, w.c.now(), "steward-a"), ledger.ErrApproval)
	must(t, w.TemplateApproved(template, templateDigest, w.c.now(), "insurer-a"))
	aside := reserve(digest("card"), 10)
	aside.TemplateDigest, aside.Cost, aside.By = templateDigest, dp.Cost{Rho: 10, Delta: 10}, "steward-a"
	w.approveJob(aside, "ada", "bo")
	_, err = w.Reserve(ctx, aside)
	want(t, err, ledger.ErrApproval)
	w.approveJob(aside, "cy")
	_, err = w.Reserve(ctx, aside)
	want(t, err, ledger.ErrApproval) // the template
	w.approve(ledger.SubjectTemplate, templateDigest, "cy")
	must(t, ask("r-3"))
	_, err = w.Reserve(ctx, aside)
	must(t, err)
	at, err := w.Charge(ctx, func() ledger.Charge {
		must(t, w.Meet(ctx))
		c := under(w.Ledger, attempt(aside.Job, "one", 1, w.c.now()))
		c.TemplateDigest = templateDigest
		return c
	}())
	must(t, err)
	if got, want := fmt.Sprint(subjects(t, w, at)), "[grant bo grant cy job bo job cy snapshot ada snapshot bo template bo template cy]"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// An evaluation domain has nobody to approve a job.
func TestJobInAnEvaluation(t *testing.T) {
	c := newClock()
	l, _ := fresh(t, c)
	_, err := l.Reserve(ctx, reserve("job-1", 10))
	must(t, err)
	must(t, l.JobApproved(reserve("job-1", 10), c.now()))
	_, err = l.Charge(ctx, attempt("job-1", "one", 1, c.now()))
	must(t, err)
}

// The opt-outs of a training are of its round: a job that set aside long ago does not go
// back to those of then, and past its last day it has the two days of a question.
func TestEpochOfARound(t *testing.T) {
	const aDay = 24 * time.Hour
	c := newClock()
	l, _ := fresh(t, c)
	r := reserve("job-1", 900)
	r.Until = "2026-12-21" // 30 days on
	_, err := l.Reserve(ctx, r)
	must(t, err)
	train := func(id string, back int64) error {
		a := attempt("job-1", id, 1, c.now())
		a.Epoch -= back
		_, err := l.Charge(ctx, a)
		return err
	}
	want(t, train("a", 2), ledger.ErrLeaf) // before it set aside
	must(t, train("b", 1))
	c.step(3 * aDay)
	must(t, train("c", 4))
	want(t, train("d", 5), ledger.ErrLeaf)
	c.step(20 * aDay)
	must(t, train("e", 7))
	want(t, train("f", 8), ledger.ErrLeaf)
	c.step(10 * aDay)
	must(t, train("g", 1))
	want(t, train("h", 2), ledger.ErrLeaf)
}
