package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// copy is an estate like this one, with chance of its own. Nothing may be open.
func (e *estate) copy(seed uint64) *estate {
	c, n := *e, *e.notary
	c.what, c.random = fmt.Sprintf("seed %d", seed), rand.New(rand.NewPCG(seed, 1))
	c.disk, c.clock, c.notary = e.disk.Image(), &clock{at: e.clock.now()}, &n
	if err := n.at(c.clock); err != nil {
		panic(err)
	}
	c.leaves, c.agreed = maps.Clone(e.leaves), maps.Clone(e.agreed)
	c.tickets = nil
	return &c
}

// prepared is a domain in which charges are admitted.
func prepared(t *testing.T) *estate {
	t.Helper()
	e, err := newEstate("prepared", rand.New(rand.NewPCG(1, 1)))
	must(t, err)
	must(t, holds(func() {
		if err := e.open(); err != nil {
			e.fail("%v", err)
		}
		e.prepare()
	}))
	must(t, e.Close())
	return e
}

// simulate runs processes one after another on one disk, each until a fault, a kill or its
// end, and has chance decide on what clients do, what fails, and what of the cache is lost.
func simulate(base *estate, seed uint64) (*estate, error) {
	e := base.copy(seed)
	if e.random.IntN(10) == 0 { // from nothing
		fresh, err := newEstate(e.what, e.random)
		if err != nil {
			return nil, err
		}
		e = fresh
	}
	return e, holds(func() {
		for range 1 + e.random.IntN(3) {
			e.one()
			e.examine("after a crash", true)
			if e.random.IntN(8) == 0 {
				e.putBack()
			}
		}
		e.notary.away = false
		if err := e.open(); err != nil {
			e.fail("it does not open at the end: %v", err)
		}
		e.check("at the end")
		e.goOn()
		if err := e.Close(); err != nil {
			e.fail("it does not close: %v", err)
		}
		e.examine("at the end", false)
	})
}

// goOn wants an answer to a new question, once the witness was met again as a server meets
// it: its last answer may have been lost, and the clock waits for its word.
func (e *estate) goOn() {
	e.clock.step(2 * time.Second)
	if err := e.Meet(ctx); err != nil {
		e.fail("the witness is there and is not met: %v", err)
	}
	e.prepare()
	full := false // all is spent or set aside in one of the scopes
	for scope, limit := range map[string]int64{life: e.grant.Life.Rho, year: e.grant.Year.Rho} {
		full = full || e.Spent(scope).Rho+e.Held(scope, e.Now()).Rho >= limit // a lowered cap does not count what is set aside
	}
	t, err := e.ask(1, 0, "")
	if errors.Is(err, ledger.ErrBudget) && full {
		return
	}
	if err != nil {
		e.fail("it does not go on: %v", err)
	}
	if e.finish(t); !t.shown {
		e.fail("it does not answer")
	}
}

// one is a process.
func (e *estate) one() {
	e.notary.away = e.random.IntN(8) == 0 && e.notary.newest != nil
	e.notary.lost = false
	faulty := e.random.IntN(3) == 0 // from its start
	if faulty {
		e.arm()
	}
	if err := e.open(); err != nil {
		if !faulty {
			e.fail("it does not open: %v", err)
		}
	} else {
		if !faulty {
			e.check("opened")
			e.arm()
		}
		for range 3 + e.random.IntN(20) {
			e.act()
			if e.disk.Dead() || e.fatal > 0 {
				break
			}
		}
		if e.fatal > 1 {
			e.fail("%d calls of Fatal", e.fatal)
		}
		if e.random.IntN(4) == 0 {
			_ = e.Close()
		}
	}
	e.crash(e.random.IntN(2) == 0)
}

// arm chooses what fails next, if anything.
func (e *estate) arm() {
	f := anyFault(e.random)
	switch e.random.IntN(4) {
	case 0:
		e.disk.FailSync(f, 1+e.random.IntN(25))
	case 1, 2:
		e.disk.Fail(f, e.disk.Ops()+1+e.random.IntN(120))
	}
}

// act is something that somebody does.
func (e *estate) act() {
	switch n := e.random.IntN(40); {
	case n < 11:
		e.askAny()
	case n < 21:
		if t := e.any(func(t *ticket) bool { return t.process == e.process && t.release < 0 && !t.abandoned }); t != nil {
			e.finish(t)
		}
	case n < 24:
		if t := e.any(waiting); t != nil {
			e.deliver(t)
		}
	case n < 26:
		if t := e.any(func(t *ticket) bool { return t.shown && !t.deleted }); t != nil {
			e.replay(t)
		}
	case n < 28:
		if t := e.any(func(*ticket) bool { return true }); t != nil {
			e.askAgain("later", t)
		}
	case n < 30:
		e.notary.away, e.notary.lost = !e.notary.away, e.random.IntN(2) == 0
	case n < 33:
		_ = e.Meet(ctx)
	case n < 34:
		e.clock.step(time.Duration(e.random.IntN(100)) * time.Second)
	case n < 35:
		e.takeBack()
	default:
		e.seldom(n)
	}
}

func (e *estate) seldom(n int) {
	switch n {
	case 35:
		e.prepare()
	case 36:
		if e.grant.Life.Rho > 0 {
			e.lower(1 + e.random.Int64N(200))
		}
	case 37:
		e.train()
	case 38:
		if e.random.IntN(2) == 0 {
			e.snapshot()
		} else {
			e.records()
		}
	case 39:
		t := e.any(func(t *ticket) bool { return t.shown && !t.deleted })
		if t == nil || e.random.IntN(2) == 0 {
			return
		}
		e.clock.step((ledger.MinRetention + 2) * 24 * time.Hour)
		if e.remove(t.release) { // log first, under a checkpoint, then the file
			if t.deleted = true; e.DeletionsCovered() {
				_ = e.disk.Remove(releasesDir + "/" + t.digest + ".json")
			}
		}
	}
}

// askAny asks a question, and sees to what stands in its way.
func (e *estate) askAny() {
	version := e.random.IntN(3)
	_, err := e.ask(1+e.random.Int64N([]int64{20, 60, 1000}[e.random.IntN(3)]), version, "")
	switch {
	case errors.Is(err, ledger.ErrSuspended):
		e.resume(version)
	case errors.Is(err, ledger.ErrApproval), errors.Is(err, ledger.ErrNoCaps), errors.Is(err, ledger.ErrSnapshot):
		e.prepare()
	case errors.Is(err, ledger.ErrQuorum):
		e.clock.step(2 * time.Second)
	}
}

// takeBack has somebody revoke what charges rest on.
func (e *estate) takeBack() {
	switch e.random.IntN(3) {
	case 0:
		e.revoke(ledger.SubjectTemplate, templateDigest, "bo")
	case 1:
		if d, err := e.policyDigest(); err == nil {
			e.revoke(ledger.SubjectGrant, d, "ada")
		}
	default:
		if d, err := ledger.ContentDigest(&firstSnapshot); err == nil {
			e.revoke(ledger.SubjectSnapshot, d, "bo")
		}
	}
}

// any is one of the tickets for which ok holds, nil for none.
func (e *estate) any(ok func(*ticket) bool) *ticket {
	var some []*ticket
	for _, t := range e.tickets {
		if ok(t) {
			some = append(some, t)
		}
	}
	if len(some) == 0 {
		return nil
	}
	return some[e.random.IntN(len(some))]
}

// putBack restores an older disk under a log that went on. It must be refused.
func (e *estate) putBack() {
	e.notary.away, e.notary.lost = false, false
	if err := e.open(); err != nil {
		e.fail("it does not open: %v", err)
	}
	e.check("before it is put back")
	_, _ = e.ask(1, 0, "") // left open, for a new process to write about
	old, known := e.disk.Image(), e.notary.size
	_ = e.Close()
	if err := e.open(); err != nil {
		e.fail("it does not open: %v", err)
	}
	e.prepare()
	_ = e.Close()
	if e.notary.size <= known {
		e.fail("it has not grown")
	}
	now, was := e.disk, old.Files(ledgerDir)["wal"].Data
	e.disk = old
	if err := e.open(); !errors.Is(err, ledger.ErrRolledBack) {
		e.fail("an old disk was taken: %v", err)
	}
	if after := old.Files(ledgerDir)["wal"].Data; !bytes.Equal(after, was) {
		e.fail("an old disk was written to")
	}
	e.disk = now
	e.crash(true)
}

// A ledger, its clients, a store of answers and a witness live through chance on a disk
// that loses, reorders and tears what was not synced: 2,000 lives, in the long run 100,000.
// QUNXIANG_SEED and QUNXIANG_RUNS choose others; a life is repeated by its seed alone.
func TestCrashSimulation(t *testing.T) {
	base, seed, runs := prepared(t), seedOf(t), 2000
	switch {
	case long():
		runs = 100_000
	case testing.Short():
		runs = 200
	}
	runs = number(t, "QUNXIANG_RUNS", runs)
	violations := onAllCores(t, runs, func(i int) error {
		_, err := simulate(base, seed+uint64(i))
		return err
	})
	t.Logf("seed %d: %d points in as many lives, %d violations; one alone: QUNXIANG_SEED=SEED QUNXIANG_RUNS=1", seed, runs, violations)
}

// A life is the same each time.
func TestCrashSimulationRepeats(t *testing.T) {
	base := prepared(t)
	for seed := range uint64(5) {
		a, err := simulate(base, seed)
		must(t, err)
		b, err := simulate(base, seed)
		must(t, err)
		if a.disk.Ops() != b.disk.Ops() || a.names != b.names || a.rho != b.rho || len(a.leaves) != len(b.leaves) {
			t.Errorf("seed %d: %d operations, %d names; then %d, %d", seed, a.disk.Ops(), a.names, b.disk.Ops(), b.names)
		}
	}
}
