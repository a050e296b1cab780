package ledger_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// A log of a program that knew no rules of trainings opens, and goes on under them: its own
// open job too is held to all of them from now on.
func TestRulesGoOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	must(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "rules0"))))
	c := newClock()
	c.step(80 * time.Hour)
	o := options(dir, c)
	o.Create, o.Witness = false, newKeeper(c)
	w := world{t, open(t, o), c}
	defer func() { must(t, w.Close()) }()
	must(t, w.Unmet())
	if w.Spent(life).Rho != 159 || len(w.Requests()) != 5 {
		t.Fatalf("%d charges, %v spent", len(w.Requests()), w.Spent(life))
	}
	must(t, w.ask("r-2"))
	if r := w.Requests()[5]; r.Rules != ledger.RulesNow {
		t.Errorf("what is written now bears the rules %d", r.Rules)
	}
	if r := w.Requests()[0]; r.Rules != 0 {
		t.Errorf("what was written then bears the rules %d", r.Rules)
	}
	unfounded := under(w.Ledger, attempt("job-of-nobody", "j-2", 1, c.now()))
	unfounded.TemplateDigest = templateDigest
	_, err := w.Charge(ctx, unfounded)
	want(t, err, ledger.ErrReserve)
	job := w.Reservations()[0].Job
	other := under(w.Ledger, attempt(job, "j-3", 1, c.now()))
	other.TemplateDigest, other.Scopes, other.Cost = templateDigest, []string{life}, dp.Cost{Rho: 1}
	_, err = w.Charge(ctx, other)
	want(t, err, ledger.ErrApproval) // which nobody asked for then
	w.approveJob(w.Reservations()[0].Reserve, "ada", "bo")
	_, err = w.Charge(ctx, other)
	want(t, err, ledger.ErrReserve)
}

// A log of a program under whose rules a job's card was approved under any name, and that did
// not say who asked for it: its open job goes on once its terms are approved.
func TestRulesOneGoOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ledger")
	must(t, os.CopyFS(dir, os.DirFS(filepath.Join("testdata", "rules1"))))
	c := newClock()
	c.step(time.Hour)
	o := options(dir, c)
	o.Create, o.Witness = false, newKeeper(c)
	w := world{t, open(t, o), c}
	defer func() { must(t, w.Close()) }()
	must(t, w.Unmet())
	r := w.Reservations()[0]
	if w.Spent(life).Rho != 6 || r.Left.Rho != 35 || r.Rules != 1 || r.By != "" {
		t.Fatalf("%v spent, %+v", w.Spent(life), r)
	}
	round := under(w.Ledger, attempt(r.Job, "two", 1, c.now()))
	round.TemplateDigest, round.Cost.Delta = templateDigest, 1
	_, err := w.Charge(ctx, round)
	want(t, err, ledger.ErrApproval) // its terms are not approved
	w.approveJob(r.Reserve, "ada", "bo")
	must(t, w.Meet(ctx))
	at, err := w.Charge(ctx, round)
	must(t, err)
	if b, err := w.Basis(at); err != nil || len(b.Approvals) != 8 {
		t.Errorf("%+v, %v", b, err)
	}
	other := reserve(digest("another card"), 1)
	other.TemplateDigest, other.Cost, other.Until = templateDigest, dp.Cost{Rho: 1, Delta: 1}, "2099-12-31"
	w.approve(ledger.SubjectJob, other.Job, "ada", "bo")
	_, err = w.Reserve(ctx, other)
	want(t, err, ledger.ErrApproval) // under any name no longer
	other.By = ""
	_, err = w.Reserve(ctx, other)
	want(t, err, ledger.ErrLeaf)
}
