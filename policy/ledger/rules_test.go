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
	if r := w.Requests()[5]; r.Rules != 1 {
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
	w.approve(ledger.SubjectJob, job, "ada", "bo")
	_, err = w.Charge(ctx, other)
	want(t, err, ledger.ErrReserve)
}
