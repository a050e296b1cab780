package ledger_test

import (
	"errors"
	"fmt"
	"hash/crc32"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/policy/ledger/ledgertest"
)

func reserve(job string, rho int64) ledger.Reserve {
	return ledger.Reserve{Job: job, Principal: "insurer-a", Organisation: "Insurer A", Grant: "g-1", Purpose: "pricing", Template: template,
		TemplateDigest: "template-digest", Scopes: []string{life, year}, Cost: dp.Cost{Rho: rho, Delta: 100}, Until: "2026-11-22", By: "steward-s"}
}

// attempt is a charge of a job's attempt.
func attempt(job, id string, rho int64, at time.Time) ledger.Charge {
	return ofJob(job, charge(id, rho, at))
}

// ofJob makes a charge one of a job's attempts, whose number its id tells.
func ofJob(job string, c ledger.Charge) ledger.Charge {
	c.Idempotency = digest(c.ID)
	c.Catalogue, c.Key, c.ID = ledger.Training, job, fmt.Sprintf("%s-%d", job, 1+crc32.ChecksumIEEE([]byte(c.ID))>>1)
	return c
}

// What is set aside is kept from all others and serves its job, whatever they do.
func TestReservationIsKept(t *testing.T) {
	c := newClock()
	l, dir := fresh(t, c)
	at, err := l.Reserve(ctx, reserve("job-1", 600))
	must(t, err)
	_, err = l.Charge(ctx, charge("r-1", 401, c.now()))
	want(t, err, ledger.ErrBudget)
	var full *ledger.BudgetError
	if !errors.As(err, &full) || full.Left.Rho != 400 {
		t.Fatalf("left is %+v", full)
	}
	_, err = l.Reserve(ctx, reserve("job-2", 401))
	want(t, err, ledger.ErrBudget)
	_, err = l.Charge(ctx, charge("r-2", 400, c.now()))
	must(t, err)
	_, err = l.Charge(ctx, attempt("job-3", "j3-1", 1, c.now()))
	want(t, err, ledger.ErrReserve) // a job that has set nothing aside trains nothing
	for i, rho := range []int64{250, 250} {
		_, err = l.Charge(ctx, attempt("job-1", fmt.Sprint("j1-", i), rho, c.now()))
		must(t, err)
	}
	if got := l.Held(life, c.now()); got.Rho != 100 || l.Spent(life).Rho != 900 {
		t.Fatalf("held %v, spent %v", got, l.Spent(life))
	}
	if err := l.Room("g-1", []string{life}, dp.Cost{Rho: 1}, c.now()); !errors.Is(err, ledger.ErrBudget) {
		t.Fatalf("room beside it: %v", err)
	}
	_, err = l.Charge(ctx, attempt("job-1", "j1-9", 101, c.now()))
	want(t, err, ledger.ErrReserve)
	must(t, l.Close())
	l = open(t, options(dir, c))
	defer l.Close()
	_, err = l.CloseReserve(ctx, at)
	must(t, err)
	_, err = l.CloseReserve(ctx, at)
	want(t, err, ledger.ErrReserve)
	_, err = l.CloseReserve(ctx, 0)
	want(t, err, ledger.ErrUnknown)
	_, err = l.Charge(ctx, attempt("job-1", "j1-10", 1, c.now()))
	want(t, err, ledger.ErrReserve)
	_, err = l.Reserve(ctx, reserve("job-1", 1))
	want(t, err, ledger.ErrDuplicate)
	_, err = l.Charge(ctx, charge("r-3", 100, c.now()))
	must(t, err)
}

// A reservation ends with its last day, by the time of the leaf that asks, and its
// job's charges then take their room like any others; never more than was set aside.
func TestReservationExpires(t *testing.T) {
	c := newClock()
	l, _ := fresh(t, c)
	at, err := l.Reserve(ctx, reserve("job-1", 1000))
	must(t, err)
	c.step(39 * time.Hour) // 23:00 of the last day
	_, err = l.Charge(ctx, charge("r-1", 1, c.now()))
	want(t, err, ledger.ErrBudget)
	if l.Held(life, c.now()).Rho != 1000 || l.Held(life, c.now().Add(2*time.Hour)).Rho != 0 {
		t.Fatal("it holds by another clock than the leaf's")
	}
	c.step(time.Hour)
	_, err = l.Charge(ctx, charge("r-2", 400, c.now()))
	must(t, err)
	_, err = l.Charge(ctx, attempt("job-1", "j-1", 601, c.now()))
	want(t, err, ledger.ErrBudget)
	_, err = l.Charge(ctx, attempt("job-1", "j-1", 1001, c.now()))
	want(t, err, ledger.ErrReserve)
	_, err = l.Charge(ctx, attempt("job-1", "j-2", 600, c.now()))
	must(t, err)
	if r, _ := l.ReservationOf(attempt("job-1", "j-2", 1, c.now()).Key); r.Left.Rho != 400 {
		t.Errorf("left %v", r.Left)
	}
	_, err = l.CloseReserve(ctx, at)
	must(t, err)
	_, err = l.Reserve(ctx, reserve("job-2", 1)) // its last day has passed too
	want(t, err, ledger.ErrReserve)
}

// After its last day a job charges beside what others have set aside.
func TestJobPastItsLastDayLeavesOthers(t *testing.T) {
	c := newClock()
	l, _ := fresh(t, c)
	_, err := l.Reserve(ctx, reserve("job-1", 600))
	must(t, err)
	c.step(72 * time.Hour)
	other := reserve("job-2", 500)
	other.Until = c.now().AddDate(0, 0, 9).Format(time.DateOnly)
	_, err = l.Reserve(ctx, other)
	must(t, err)
	_, err = l.Charge(ctx, attempt("job-1", "j-1", 501, c.now()))
	want(t, err, ledger.ErrBudget)
	_, err = l.Charge(ctx, attempt("job-1", "j-2", 500, c.now()))
	must(t, err)
}

// Only the charges that it was made for draw from a reservation.
func TestReservationIsItsJobs(t *testing.T) {
	for name, change := range map[string]func(*ledger.Charge){
		"grant":    func(c *ledger.Charge) { c.Grant = "g-small" },
		"scopes":   func(c *ledger.Charge) { c.Scopes = []string{life} },
		"template": func(c *ledger.Charge) { c.Template = "claim-severity@1.0.1" },
		"digest":   func(c *ledger.Charge) { c.TemplateDigest = "another" },
		"cost":     func(c *ledger.Charge) { c.Cost.Delta = 101 },
	} {
		c := newClock()
		l, _ := fresh(t, c)
		_, err := l.Reserve(ctx, reserve("job-1", 900))
		must(t, err)
		a := attempt("job-1", "j-1", 10, c.now())
		change(&a)
		if _, err := l.Charge(ctx, a); !errors.Is(err, ledger.ErrReserve) {
			t.Errorf("another %s: %v", name, err)
		}
	}
	c := newClock()
	l, _ := fresh(t, c)
	_, err := l.Reserve(ctx, reserve("job-1", 1000))
	must(t, err)
	q := charge("r-1", 1, c.now())
	q.Key = "job-1" // a query by the job's name
	_, err = l.Charge(ctx, q)
	want(t, err, ledger.ErrBudget)
}

// The quota of a grant is set aside too, and a lowered cap binds what was set aside.
func TestReservationQuotaAndLoweredCap(t *testing.T) {
	c := newClock()
	l, _ := fresh(t, c)
	r := reserve("job-1", 20)
	r.Grant = "g-small"
	_, err := l.Reserve(ctx, r)
	must(t, err)
	a := charge("r-1", 6, c.now())
	a.Grant = "g-small"
	_, err = l.Charge(ctx, under(l, a))
	want(t, err, ledger.ErrBudget)
	a.Cost.Rho = 5
	_, err = l.Charge(ctx, under(l, a))
	must(t, err)
	_, err = l.Grant(ctx, grant(15))
	must(t, err)
	a = attempt("job-1", "j-1", 11, c.now())
	a.Grant = "g-small"
	_, err = l.Charge(ctx, under(l, a))
	want(t, err, ledger.ErrBudget)
	a.Cost.Rho = 10
	_, err = l.Charge(ctx, under(l, a))
	must(t, err)
}

// Whatever is set aside, charged, closed, left to expire and asked beside it, what is
// charged and what is set aside stay within every cap, a job is never refused what was
// set aside for it, and a restart changes nothing of it.
func TestReservationsWithinCaps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		o := options("ledger", c)
		o.FS = ledgertest.NewDisk()
		l, err := ledger.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		_, _ = l.Grant(ctx, grant(1000))
		_, _ = l.Snapshot(ctx, ledger.Snapshot{Snapshot: "snap-1", By: "s"})
		n := func(high int64, what string) int64 { return rapid.Int64Range(0, high).Draw(t, what) }
		mine := map[string]int64{} // what each job may still draw, by the test's own count
		for i := range rapid.IntRange(1, 30).Draw(t, "steps") {
			job, id := fmt.Sprint("job-", n(3, "job")), fmt.Sprint("r-", i)
			switch n(6, "step") {
			case 0:
				c.step(time.Duration(n(20, "hours")) * time.Hour)
			case 1:
				r := reserve(job, 1+n(700, "rho"))
				r.Until = dawn.AddDate(0, 0, int(n(4, "days"))).Format(time.DateOnly)
				if n(1, "scopes") == 0 {
					r.Scopes = []string{life}
				}
				if _, err := l.Reserve(ctx, r); err == nil {
					mine[job] = r.Cost.Rho
				}
			case 2, 3:
				r, ok := l.ReservationOf(job)
				a := attempt(job, id, 1+n(400, "rho"), c.now())
				if ok {
					a.Scopes = r.Scopes
				}
				_, err := l.Charge(ctx, a)
				holds := ok && r.Open(c.now())
				switch {
				case holds && a.Cost.Rho <= mine[job] && err != nil:
					t.Fatalf("%s is refused what was set aside: %v", job, err)
				case holds && a.Cost.Rho > mine[job] && err == nil:
					t.Fatalf("%s draws more than was set aside", job)
				case holds && err == nil:
					mine[job] -= a.Cost.Rho
				}
			case 4:
				if r, ok := l.ReservationOf(job); ok {
					_, _ = l.CloseReserve(ctx, r.Index)
				}
			case 5:
				q := charge(id, 1+n(400, "rho"), c.now())
				q.Template = "claim-severity@2.0.0" // what a restart abandons suspends it
				_, _ = l.Charge(ctx, q)
			case 6:
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				if l, err = ledger.Open(o); err != nil {
					t.Fatal(err)
				}
			}
			for _, scope := range []string{life, year} {
				all, err := l.Spent(scope).Plus(l.Held(scope, c.now()))
				if err != nil || !all.Fits(dp.Cost{Rho: 1000, Delta: 1000}) {
					t.Fatalf("%s: spent %v, held %v", scope, l.Spent(scope), l.Held(scope, c.now()))
				}
			}
		}
		before := look(l.State)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if l, err = ledger.Open(o); err != nil {
			t.Fatal(err)
		}
		if after := look(l.State); !reflect.DeepEqual(before.Reserved, after.Reserved) || !reflect.DeepEqual(before.Spent, after.Spent) {
			t.Fatalf("after a restart:\n%+v\nwas:\n%+v", after, before)
		}
	})
}
