package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

func TestChargeReleaseReplay(t *testing.T) {
	c := newClock()
	l, _ := fresh(t, c)
	asked := charge("r-1", 40, c.now())
	asked.Scopes, asked.Idempotency = []string{life, year}, "once" // not in order
	index, err := l.Charge(ctx, asked)
	must(t, err)
	if got := l.Spent(year); got != (dp.Cost{Rho: 40, Delta: 1}) {
		t.Fatalf("spent %+v", got)
	}
	if r, ok := l.Trace("r-1"); !ok || !r.Request.Open() || r.Request.Index != index || r.By != "insurer-a" || l.Published(r.Request) {
		t.Fatalf("%+v", r)
	}
	if len(l.Find("key-1")) != 0 {
		t.Fatal("found before it was released")
	}
	c.step(2 * time.Second)
	released, err := l.Release(ctx, ledger.Release{Charge: index, ID: "r-1", Digest: digest("r-1")})
	must(t, err)
	found := l.Find("key-1")
	if len(found) != 1 || found[0].Release != released || found[0].Digest != digest("r-1") || found[0].Sigmas["people"] != 12.5e6 {
		t.Fatalf("found %+v", found)
	}
	leaf, _, err := l.Leaf(released)
	must(t, err)
	if !leaf.Time.Equal(asked.Due) {
		t.Fatalf("released at %v, due at %v", leaf.Time, asked.Due)
	}
	_, err = l.Replay(ctx, ledger.Replay{ID: "r-2", Release: released, Grant: "g-b", Principal: "pharma-b", Organisation: "Pharma B",
		Purpose: "research", Idempotency: "once", Request: "request-2"})
	must(t, err)
	if got := l.Spent(year); got.Rho != 40 {
		t.Fatalf("a replay cost something: %+v", got)
	}
	for principal, id := range map[string]string{"insurer-a": "r-1", "pharma-b": "r-2"} {
		a, ok := l.ByIdempotency(principal, "once")
		if !ok || a.ID != id || a.Request.ID != "r-1" || a.Replay != (id == "r-2") {
			t.Fatalf("%s asked %+v", principal, a)
		}
	}
	if r, ok := l.Trace("r-2"); !ok || !r.Replay || r.By != "pharma-b" || r.Request.ID != "r-1" || !l.Published(r.Request) {
		t.Fatalf("%+v", r)
	}
	if own := l.Repeats("pharma-b", 9); len(own) != 1 || own[0].ID != "r-2" || own[0].Purpose != "research" || own[0].Request.ID != "r-1" || own[0].Time.Before(leaf.Time) || len(l.Repeats("pharma-b", 0))+len(l.Repeats("insurer-a", 9)) != 0 {
		t.Fatalf("given from store: %+v", own)
	}
	if _, ok := l.Trace("r-3"); ok {
		t.Fatal("traced what was never asked")
	}
	for who, had := range map[string]bool{"insurer-a": true, "pharma-b": true, "steward-s": false} {
		if l.Handed("r-1", who) != had {
			t.Fatalf("handed to %s: %v", who, !had)
		}
	}
	if _, ok := l.ByIdempotency("steward-s", "once"); ok {
		t.Fatal("an idempotency key is its principal's own")
	}
}

func TestChargeRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*ledger.Charge)
		want   error
	}{
		"over the cap":       {func(c *ledger.Charge) { c.Cost.Rho = 1001 }, ledger.ErrBudget},
		"over the delta cap": {func(c *ledger.Charge) { c.Cost.Delta = 1001 }, ledger.ErrBudget},
		"sum overflows":      {func(c *ledger.Charge) { c.Cost.Rho = 1<<63 - 1 }, ledger.ErrBudget},
		"over the quota":     {func(c *ledger.Charge) { c.Grant, c.Cost.Rho = "g-small", 26 }, ledger.ErrBudget},
		"unknown grant":      {func(c *ledger.Charge) { c.Grant = "g-9" }, ledger.ErrGrant},
		"another's grant":    {func(c *ledger.Charge) { c.Principal = "pharma-b" }, ledger.ErrGrant},
		"expired grant":      {func(c *ledger.Charge) { c.Grant = "g-old" }, ledger.ErrGrant},
		"other purpose":      {func(c *ledger.Charge) { c.Purpose = "marketing" }, ledger.ErrGrant},
		"other template":     {func(c *ledger.Charge) { c.Template = "fund@1.0.0" }, ledger.ErrGrant},
		"other version":      {func(c *ledger.Charge) { c.Grant, c.Template = "g-small", "claim-severity@2.0.0" }, ledger.ErrGrant},
		"unknown snapshot":   {func(c *ledger.Charge) { c.Snapshot = "snap-2" }, ledger.ErrSnapshot},
		"used id":            {func(c *ledger.Charge) { c.ID = "r-0" }, ledger.ErrDuplicate},
		"used idempotency":   {func(c *ledger.Charge) { c.Idempotency = "once" }, ledger.ErrDuplicate},
		"without life":       {func(c *ledger.Charge) { c.Scopes = []string{year} }, ledger.ErrLeaf},
		"other population":   {func(c *ledger.Charge) { c.Scopes = []string{life, "elsewhere/2017"} }, ledger.ErrLeaf},
		"strange scope":      {func(c *ledger.Charge) { c.Scopes = []string{life, population + "/17"} }, ledger.ErrLeaf},
		"double scope":       {func(c *ledger.Charge) { c.Scopes = []string{life, life} }, ledger.ErrLeaf},
		"free":               {func(c *ledger.Charge) { c.Cost = dp.Cost{} }, ledger.ErrLeaf},
		"due now":            {func(c *ledger.Charge) { c.Due = dawn }, ledger.ErrLeaf},
		"quote in a text":    {func(c *ledger.Charge) { c.Key = `"` }, ledger.ErrLeaf},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := fresh(t, newClock())
			first := charge("r-0", 10, dawn)
			first.Idempotency = "once"
			_, err := l.Charge(ctx, first)
			must(t, err)
			size, spent := l.Size(), l.Spent(life)
			c := charge("r-1", 10, dawn)
			tt.change(&c)
			_, err = l.Charge(ctx, c)
			want(t, err, tt.want)
			if l.Size() != size || l.Spent(life) != spent || l.Quota("g-small") != 0 {
				t.Fatal("a refused charge left something behind")
			}
		})
	}
}

// Every scope or none: the year has room, life has not.
// A charge with a condition is refused by what is in the log, and changes nothing.
func TestChargeUnless(t *testing.T) {
	c := newClock()
	l, _ := fresh(t, c)
	answer(t, l, c, "a", 10)
	size, spent := l.Size(), l.Spent("testville/life")
	next := charge("b", 10, c.now())
	_, err := l.ChargeUnless(t.Context(), next, func(x ledger.Charge) bool { return x.ID == "a" })
	want(t, err, ledger.ErrConflict)
	if l.Size() != size || l.Spent("testville/life") != spent {
		t.Fatal("what was refused is in the log")
	}
	_, err = l.ChargeUnless(t.Context(), next, func(x ledger.Charge) bool { return x.ID == "c" })
	must(t, err)
}

func TestBudgetError(t *testing.T) {
	c := newClock()
	l, _ := fresh(t, c)
	g := grant(1000)
	g.Life.Rho = 50
	_, err := l.Grant(ctx, g)
	must(t, err)
	_, err = l.Charge(ctx, under(l, charge("r-1", 40, c.now())))
	must(t, err)
	_, err = l.Charge(ctx, under(l, charge("r-2", 11, c.now())))
	var budget *ledger.BudgetError
	if !errors.As(err, &budget) || budget.Scope != life || budget.Left != (dp.Cost{Rho: 10, Delta: 999}) {
		t.Fatalf("%v %+v", err, budget)
	}
	if l.Spent(year).Rho != 40 {
		t.Fatalf("the year was charged %d", l.Spent(year).Rho)
	}
	_, err = l.Charge(ctx, under(l, charge("r-3", 10, c.now())))
	must(t, err)
	small := charge("r-4", 1, c.now())
	_, err = l.Charge(ctx, under(l, small))
	want(t, err, ledger.ErrBudget)
}

func TestReleaseOnce(t *testing.T) {
	c := newClock()
	l, _ := fresh(t, c)
	index, err := l.Charge(ctx, charge("r-1", 1, c.now()))
	must(t, err)
	r := ledger.Release{Charge: index, ID: "r-1", Digest: digest("r-1")}
	release := func(r ledger.Release) error { _, err := l.Release(ctx, r); return err }

	want(t, release(r), ledger.ErrEarly)
	_, err = l.Abandon(ctx, index)
	want(t, err, ledger.ErrEarly)
	c.step(2 * time.Second)
	want(t, release(ledger.Release{Charge: 99, ID: "r-1", Digest: digest("d")}), ledger.ErrUnknown)
	want(t, release(ledger.Release{Charge: 0, ID: "r-1", Digest: digest("d")}), ledger.ErrUnknown)
	want(t, release(ledger.Release{Charge: index, ID: "r-2", Digest: digest("d")}), ledger.ErrLeaf)
	must(t, release(r))
	want(t, release(r), ledger.ErrAlreadyReleased)
	_, err = l.Abandon(ctx, index)
	want(t, err, ledger.ErrAlreadyReleased)

	index, err = l.Charge(ctx, charge("r-1b", 1, c.now()))
	must(t, err)
	due := c.now().Add(2 * time.Second)
	c.step(2*time.Second + ledger.Grace) // the last moment, and still its slot's time
	index, err = l.Release(ctx, ledger.Release{Charge: index, ID: "r-1b", Digest: digest("d")})
	must(t, err)
	if leaf, _, err := l.Leaf(index); err != nil || !leaf.Time.Equal(due) {
		t.Fatalf("released at %v (%v), due at %v", leaf.Time, err, due)
	}

	index, err = l.Charge(ctx, charge("r-2", 1, c.now()))
	must(t, err)
	c.step(2*time.Second + ledger.Grace + time.Second)
	late := ledger.Release{Charge: index, ID: "r-2", Digest: digest("r-2")}
	want(t, release(late), ledger.ErrLate)
	_, err = l.Abandon(ctx, index)
	must(t, err)
	want(t, release(late), ledger.ErrAbandoned)
	if got := l.Spent(life).Rho; got != 3 {
		t.Fatalf("an abandoned charge stays spent: %d", got)
	}
	if r, _ := l.Trace("r-2"); !r.Request.Abandoned || r.Request.Open() {
		t.Fatalf("%+v", r)
	}
}

func TestCapsNeverRise(t *testing.T) {
	l, _ := fresh(t, newClock())
	for _, change := range []func(*ledger.Grant){
		func(g *ledger.Grant) { g.Year.Rho++ },
		func(g *ledger.Grant) { g.Year.Delta++ },
		func(g *ledger.Grant) { g.Life.Rho++ },
		func(g *ledger.Grant) { g.Life.Delta++; g.Life.Rho-- },
	} {
		g := grant(1000)
		change(&g)
		_, err := l.Grant(ctx, g)
		want(t, err, ledger.ErrCapRaised)
	}
	same, err := l.Grant(ctx, grant(1000))
	must(t, err)
	if same != 0 || l.Size() != 2 {
		t.Fatal("the same grant was logged twice")
	}
	_, err = l.Grant(ctx, grant(900))
	must(t, err)
	_, err = l.Grant(ctx, grant(1000))
	want(t, err, ledger.ErrCapRaised)
	if limit, ok := l.Cap(year); !ok || limit.Rho != 900 {
		t.Fatalf("cap %+v", limit)
	}
}

func TestSuspension(t *testing.T) {
	c := newClock()
	l, _ := fresh(t, c)
	abandon := func(id string) {
		t.Helper()
		index, err := l.Charge(ctx, under(l, charge(id, 1, c.now())))
		must(t, err)
		c.step(2 * time.Second)
		_, err = l.Abandon(ctx, index)
		must(t, err)
	}
	_, err := l.Resume(ctx, template, "steward-s")
	want(t, err, ledger.ErrNotSuspended)
	abandon("r-1")
	c.step(366 * 24 * time.Hour) // the first is out of the year
	g := grant(1000)
	g.Grants[0].Until = "2030-12-31"
	_, err = l.Grant(ctx, g)
	must(t, err)
	abandon("r-2")
	abandon("r-3")
	if l.Suspended(template) {
		t.Fatal("suspended by two in a year")
	}
	still, err := l.Charge(ctx, under(l, charge("r-still", 1, c.now())))
	must(t, err)
	abandon("r-4")
	if !l.Suspended(template) || l.Suspended("claim-severity@2.0.0") {
		t.Fatal("three in a year suspend this version, and only this")
	}
	c.step(400 * 24 * time.Hour) // it does not pass by itself
	_, err = l.Abandon(ctx, still)
	must(t, err)
	_, err = l.Charge(ctx, under(l, charge("r-5", 1, c.now())))
	want(t, err, ledger.ErrSuspended)
	_, err = l.Resume(ctx, template, "steward-s")
	must(t, err)
	_, err = l.Charge(ctx, under(l, charge("r-5", 1, c.now())))
	must(t, err)
}

// Attempts of a training bear their feature template: those abandoned suspend it
// neither for trainings nor for anything else, and do not count with others.
func TestTrainingSuspendsNothing(t *testing.T) {
	c := newClock()
	l, _ := fresh(t, c)
	abandon := func(id, catalogue string) {
		t.Helper()
		b := charge(id, 1, c.now())
		b.Catalogue = catalogue
		if catalogue == ledger.Training {
			b = ofJob("job-1", b)
		}
		index, err := l.Charge(ctx, b)
		must(t, err)
		c.step(2 * time.Second)
		_, err = l.Abandon(ctx, index)
		must(t, err)
	}
	_, err := l.Reserve(ctx, reserve("job-1", 5))
	must(t, err)
	for i := range 5 {
		abandon(fmt.Sprint("job-", i), ledger.Training)
	}
	abandon("r-1", "I3")
	abandon("r-2", "I3")
	if l.Suspended(template) {
		t.Fatal("suspended by a training")
	}
	abandon("r-3", "I3")
	if !l.Suspended(template) {
		t.Fatal("not suspended by questions")
	}
}

func TestNothingBeforeCaps(t *testing.T) {
	l := open(t, options(t.TempDir(), newClock()))
	t.Cleanup(func() { _ = l.Close() })
	_, err := l.Charge(ctx, charge("r-1", 1, dawn))
	want(t, err, ledger.ErrNoCaps)
	g := grant(10)
	g.Population = "elsewhere"
	_, err = l.Grant(ctx, g)
	want(t, err, ledger.ErrLeaf)
}

// A cancelled context charges nothing; once charged, it no longer matters.
func TestCancelledBefore(t *testing.T) {
	l, _ := fresh(t, newClock())
	gone, cancel := context.WithCancel(ctx)
	cancel()
	_, err := l.Charge(gone, charge("r-1", 1, dawn))
	want(t, err, context.Canceled)
	if l.Spent(life).Rho != 0 {
		t.Fatal("charged")
	}
}

// The clock may go back; the log's time does not.
func TestClockGoesBack(t *testing.T) {
	c := newClock()
	l, _ := fresh(t, c)
	c.step(-time.Hour)
	index, err := l.Deny(ctx, ledger.Deny{Principal: "insurer-a", Template: template, Rule: "no-grant"})
	must(t, err)
	leaf, _, err := l.Leaf(index)
	must(t, err)
	if !leaf.Time.Equal(dawn) {
		t.Fatalf("denied at %v", leaf.Time)
	}
}

// What the caller changes later, and what he does to what he was given, is not
// the ledger's.
func TestNoSharedMemory(t *testing.T) {
	c := newClock()
	l, _ := fresh(t, c)
	mine := charge("r-1", 1, c.now())
	_, err := l.Charge(ctx, mine)
	must(t, err)
	mine.Scopes[0], mine.Sigmas["people"] = "changed", 0
	theirs, _ := l.Trace("r-1")
	theirs.Request.Scopes[0], theirs.Request.Sigmas["people"] = "changed", 0
	g, _ := l.InForce()
	g.Grants[0].Purposes[0] = "changed"
	if again, _ := l.Trace("r-1"); again.Request.Scopes[0] != year || again.Request.Sigmas["people"] != 12.5e6 {
		t.Fatalf("%+v", again)
	}
	if again, _ := l.InForce(); again.Grants[0].Purposes[0] != "pricing" {
		t.Fatalf("%+v", again)
	}
}
