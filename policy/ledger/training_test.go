package ledger_test

import (
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
		w.approve(ledger.SubjectJob, aside.Job, people...)
		_, err := w.Reserve(ctx, aside)
		want(t, err, ledger.ErrApproval)
		want(t, w.JobApproved(aside.Job, "insurer-a", w.c.now()), ledger.ErrApproval)
	}
	w.approve(ledger.SubjectJob, aside.Job, "bo")
	want(t, w.JobApproved(aside.Job, "steward-a", w.c.now()), ledger.ErrApproval) // ada, who is one of the two
	must(t, w.JobApproved(aside.Job, "insurer-a", w.c.now()))
	must(t, w.JobApproved(aside.Job, "a node", w.c.now()))
	_, err := w.Reserve(ctx, aside)
	must(t, err)
	must(t, train("one"))
	w.c.step(time.Second)
	_, err = w.Approve(ctx, says("ada", ledger.SubjectJob, aside.Job, w.c.now(), revoked))
	must(t, err)
	want(t, train("two"), ledger.ErrApproval)
	w.approve(ledger.SubjectJob, aside.Job, "cy")
	must(t, train("three"))
}

// An evaluation domain has nobody to approve a job.
func TestJobInAnEvaluation(t *testing.T) {
	c := newClock()
	l, _ := fresh(t, c)
	_, err := l.Reserve(ctx, reserve("job-1", 10))
	must(t, err)
	must(t, l.JobApproved("job-1", "insurer-a", c.now()))
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
