package ledger_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// together runs n calls at once.
func together(n int, call func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() { <-start; call(i) })
	}
	close(start)
	wg.Wait()
}

// asked is an operation on a budget: a charge, or with rho 0 a look at it.
type asked struct{ rho int64 }

type told struct {
	ok    bool
	spent int64
}

// budget is what a ledger should look like from outside: a number with a cap.
func budget(limit int64) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return int64(0) },
		Step: func(state, in, out any) (bool, any) {
			spent, a, o := state.(int64), in.(asked), out.(told)
			switch {
			case a.rho == 0:
				return o.spent >= spent, spent // what is reserved shows early, never late
			case spent+a.rho <= limit:
				return o.ok, spent + a.rho
			}
			return !o.ok, spent
		},
	}
}

// history has clients charge at once, so many times each, and records it; sizes
// says what is asked, 0 for a look at what is spent.
func history(t *testing.T, l *ledger.Ledger, c *clock, clients, times int, sizes func(i int) int64) []porcupine.Operation {
	ops := make([]porcupine.Operation, clients*times)
	began := time.Now()
	together(clients, func(client int) {
		for i := client * times; i < (client+1)*times; i++ {
			op := porcupine.Operation{ClientId: client, Input: asked{sizes(i)}, Call: time.Since(began).Nanoseconds()}
			if rho := sizes(i); rho == 0 {
				op.Output = told{spent: l.Spent(life).Rho}
			} else {
				_, err := l.Charge(ctx, charge(fmt.Sprint("r-", i), rho, c.now()))
				if err != nil && !errors.Is(err, ledger.ErrBudget) {
					t.Error(err)
				}
				op.Output = told{ok: err == nil}
			}
			op.Return = time.Since(began).Nanoseconds()
			ops[i] = op
		}
	})
	return ops
}

func linearizable(t *testing.T, limit int64, ops []porcupine.Operation) {
	t.Helper()
	switch porcupine.CheckOperationsTimeout(budget(limit), ops, 20*time.Second) {
	case porcupine.Illegal:
		t.Fatal("not linearizable")
	case porcupine.Unknown:
		t.Log("the machine was too slow to tell")
	}
}

// 200 requests at once for the last of the budget: exactly one has it.
func TestLastOfTheBudget(t *testing.T) {
	c := newClock()
	l, dir := fresh(t, c)
	_, err := l.Charge(ctx, charge("first", 995, c.now()))
	must(t, err)
	ops, won := history(t, l, c, 200, 1, func(int) int64 { return 5 }), 0
	linearizable(t, 5, ops)
	for _, op := range ops {
		if op.Output.(told).ok {
			won++
		}
	}
	if won != 1 || l.Spent(life).Rho != 1000 {
		t.Fatalf("%d had the last of the budget, spent %v", won, l.Spent(life))
	}
	must(t, l.Close())
	l = open(t, options(dir, c))
	defer l.Close()
	if l.Spent(life).Rho != 1000 {
		t.Fatalf("after a restart spent %v", l.Spent(life))
	}
}

// Charges of several sizes and looks at the budget can be put into one order.
func TestChargesAreLinearizable(t *testing.T) {
	c := newClock()
	l, _ := fresh(t, c)
	linearizable(t, 1000, history(t, l, c, 8, 25, func(i int) int64 { return int64(i%4) * 10 }))
	if spent := l.Spent(life).Rho; spent != 1000 {
		t.Fatalf("3000 were asked for, %d of 1000 spent", spent)
	}
}

// One charge has one release and one idempotency key one charge, however many ask.
func TestOnlyOneOfMany(t *testing.T) {
	c := newClock()
	l, _ := fresh(t, c)
	var mu sync.Mutex
	count := map[string]int{}
	note := func(what string, err, target error) {
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			count[what]++
		} else if !errors.Is(err, target) {
			t.Errorf("%s: %v", what, err)
		}
	}
	together(50, func(i int) {
		a := charge(fmt.Sprint("r-", i), 1, c.now())
		a.Idempotency = "once"
		_, err := l.Charge(ctx, a)
		note("charge", err, ledger.ErrDuplicate)
	})
	a, _ := l.ByIdempotency("insurer-a", "once")
	c.step(2 * time.Second)
	together(50, func(int) {
		_, err := l.Release(ctx, ledger.Release{Charge: a.Request.Index, ID: a.ID, Digest: digest(a.ID)})
		note("release", err, ledger.ErrAlreadyReleased)
	})
	if count["charge"] != 1 || count["release"] != 1 || l.Spent(life).Rho != 1 {
		t.Fatalf("%v, spent %v", count, l.Spent(life))
	}
}

// What many were told while the disk failed is true afterwards.
func TestCrashUnderLoad(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for range 100 {
		f := anyFault(random)
		at := 30 + random.IntN(60)
		w := newWitness(t, fmt.Sprintf("%s at operation %d under load", f, at))
		l, err := w.open()
		must(t, err)
		_, err = l.Grant(ctx, grant(1000))
		must(t, err)
		_, err = l.Snapshot(ctx, ledger.Snapshot{Snapshot: "snap-1", By: "steward-s"})
		must(t, err)
		w.disk.Fail(f, w.disk.Ops()+at-29)
		var mu sync.Mutex
		charges := map[string]int64{}
		together(24, func(i int) {
			id := fmt.Sprint("r-", i)
			index, err := l.Charge(ctx, charge(id, 10, w.clock.now()))
			mu.Lock()
			defer mu.Unlock()
			if w.did(index, err, ledger.TypeCharge) {
				charges[id], w.charged[id] = index, index
				w.rho += 10
			}
		})
		w.clock.step(2 * time.Second)
		together(24, func(i int) {
			id := fmt.Sprint("r-", i)
			index, err := l.Release(ctx, ledger.Release{Charge: charges[id], ID: id, Digest: digest(id)})
			mu.Lock()
			defer mu.Unlock()
			if w.did(index, err, ledger.TypeRelease) {
				w.released[id] = index
			}
		})
		w.crash(f, random)
		w.examine("after the crash", true)
		l, err = w.open()
		if err != nil {
			w.fail("it does not open again: %v", err)
		}
		w.check("after the restart", l)
		must(t, l.Close())
		w.examine("at the end", false)
	}
}
