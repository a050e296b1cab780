package ledger_test

import (
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// made is a statement by a clock that is so far off.
func (w world) made(off time.Duration, change ...func(*ledger.Approve)) ledger.Approve {
	return says("ada", ledger.SubjectTemplate, templateDigest, w.c.now().Add(off), change...)
}

func (w world) hears(a ledger.Approve) error {
	_, err := w.Approve(ctx, a)
	return err
}

// To take back is never refused for a clock's sake, and nothing comes back by being sent
// again, neither an approval nor a revocation.
func TestRevokedByAnotherClock(t *testing.T) {
	for name, tt := range map[string]struct{ approved, revoked time.Duration }{
		"approved by a fast clock":       {5 * time.Minute, 0},
		"revoked by a slow one":          {0, -5 * time.Minute},
		"one fast, one slow":             {5 * time.Minute, -5 * time.Minute},
		"approved by a slow one":         {-5 * time.Minute, 0},
		"both right":                     {0, 0},
		"revoked by a fast one":          {0, 5 * time.Minute},
		"approved slow, revoked fast":    {-5 * time.Minute, 5 * time.Minute},
		"approved by one far behind":     {-90 * time.Minute, 0},
		"approved far behind, then slow": {-90 * time.Minute, -5 * time.Minute},
		"both fast":                      {5 * time.Minute, 5 * time.Minute},
		"both slow":                      {-5 * time.Minute, -5 * time.Minute},
	} {
		w, _ := overseen(t)
		w.c.step(2 * time.Hour)
		given := w.made(tt.approved)
		must(t, w.hears(given))
		must(t, w.ask("r-1"))
		w.c.step(time.Second)
		back := w.made(tt.revoked, revoked)
		if err := w.hears(back); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want(t, w.ask("r-2"), ledger.ErrApproval)
		want(t, w.hears(back), ledger.ErrApproval)
		want(t, w.hears(given), ledger.ErrApproval)
		want(t, w.ask("r-2"), ledger.ErrApproval)

		w.c.step(11 * time.Minute) // an approval has to be later than all before
		must(t, w.hears(w.made(0)))
		want(t, w.hears(back), ledger.ErrApproval)
		want(t, w.hears(given), ledger.ErrApproval)
		must(t, w.ask("r-2"))
	}
}

// Nor does a revocation that was never sent come up against an approval that followed it.
func TestRevocationOfLongBefore(t *testing.T) {
	w, _ := overseen(t)
	w.c.step(2 * time.Hour)
	kept := w.made(0, revoked)
	w.c.step(6 * time.Minute)
	must(t, w.hears(w.made(0)))
	want(t, w.hears(kept), ledger.ErrApproval)
	must(t, w.ask("r-1"))

	// One that was made after the approval was logged is taken, however late it comes.
	fast := w.made(5 * time.Minute)
	must(t, w.hears(fast))
	w.c.step(time.Minute)
	late := w.made(0, revoked)
	w.c.step(30 * time.Minute)
	must(t, w.hears(late))
	want(t, w.ask("r-2"), ledger.ErrApproval)
}

// One answer is to one charge, also after a restart.
func TestOneAnswerForOneCharge(t *testing.T) {
	c := newClock()
	l, dir := fresh(t, c)
	answer(t, l, c, "r-1", 1)
	second, err := l.Charge(ctx, charge("r-2", 1, c.now()))
	must(t, err)
	c.step(2 * time.Second)
	_, err = l.Release(ctx, ledger.Release{Charge: second, ID: "r-2", Digest: digest("r-1")})
	want(t, err, ledger.ErrSameAnswer)
	_, err = l.Release(ctx, ledger.Release{Charge: second, ID: "r-2", Digest: digest("r-2")})
	must(t, err)
	third, err := l.Charge(ctx, charge("r-3", 1, c.now()))
	must(t, err)
	must(t, l.Close())
	l = open(t, options(dir, c))
	defer l.Close()
	fourth, err := l.Charge(ctx, charge("r-4", 1, c.now()))
	must(t, err)
	c.step(2 * time.Second)
	_, err = l.Release(ctx, ledger.Release{Charge: fourth, ID: "r-4", Digest: digest("r-2")})
	want(t, err, ledger.ErrSameAnswer)
	_, err = l.Release(ctx, ledger.Release{Charge: third, ID: "r-3", Digest: digest("r-1")})
	want(t, err, ledger.ErrAbandoned)
}
