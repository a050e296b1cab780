package ledger_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// deed is an operation of a client on a budget with reservations.
type deed struct {
	kind string // charge, reserve, draw, close or release
	job  int
	id   string
	rho  int64
}

// account is a budget seen from outside: what is spent, what is left of each job's
// reservation (-1: none yet, -2: closed), and which charges are released.
type account struct {
	spent    int64
	left     [3]int64
	released string // ids, each between bars
}

func (a account) held() (sum int64) {
	for _, l := range a.left {
		sum += max(0, l)
	}
	return sum
}

// step says whether a deed may go well on an account, and what comes of it.
func (a account) step(d deed) (ok bool, after account) {
	switch l := a.left[d.job]; {
	case d.kind == "charge":
		ok = a.spent+a.held()+d.rho <= 1000
		a.spent += d.rho
	case d.kind == "reserve":
		ok = l == -1 && a.spent+a.held()+d.rho <= 1000
		a.left[d.job] = d.rho
	case d.kind == "draw": // of nothing, where nothing was set aside
		ok = l >= d.rho
		a.spent, a.left[d.job] = a.spent+d.rho, l-d.rho
	case d.kind == "close":
		ok = l >= 0
		a.left[d.job] = -2
	case d.kind == "release":
		ok = !contains(a.released, d.id)
		a.released += "|" + d.id + "|"
	}
	return ok, a
}

func contains(list, id string) bool {
	for i := 0; i+len(id)+2 <= len(list); i++ {
		if list[i:i+len(id)+2] == "|"+id+"|" {
			return true
		}
	}
	return false
}

var accounts = porcupine.Model{
	Init: func() any { return account{spent: early, left: [3]int64{-1, -1, -1}} },
	Step: func(state, in, out any) (bool, any) {
		a := state.(account)
		ok, after := a.step(in.(deed))
		if ok != out.(bool) {
			return false, a
		}
		if !ok {
			after = a
		}
		return true, after
	},
}

// early is how many charges of 1 there are before the deeds.
const early = 4

var errUnseen = errors.New("no reservation is known to close")

// books does deeds on a ledger.
type books struct {
	l        *ledger.Ledger
	c        *clock
	mu       sync.Mutex
	reserves [3]int64 // leaves
	charges  map[string]int64
}

func (b *books) do(d deed) error {
	job := fmt.Sprint("job-", d.job)
	switch d.kind {
	case "charge":
		_, err := b.l.Charge(ctx, charge(d.id, d.rho, b.c.now()))
		return err
	case "draw":
		_, err := b.l.Charge(ctx, attempt(job, d.id, d.rho, b.c.now()))
		return err
	case "reserve":
		r := reserve(job, d.rho)
		r.Cost = dp.Cost{Rho: d.rho, Delta: 100}
		at, err := b.l.Reserve(ctx, r)
		if err == nil {
			b.mu.Lock()
			b.reserves[d.job] = at
			b.mu.Unlock()
		}
		return err
	case "close":
		b.mu.Lock()
		at := b.reserves[d.job]
		b.mu.Unlock()
		if at == 0 {
			return errUnseen
		}
		_, err := b.l.CloseReserve(ctx, at)
		return err
	}
	_, err := b.l.Release(ctx, ledger.Release{Charge: b.charges[d.id], ID: d.id, Digest: digest(d.id)})
	return err
}

// Charges, reservations, what is drawn from them and given back, and releases, by many at
// once, can be put into one order in which a budget with one cap allows and refuses what
// was allowed and refused. A CLOSE names a leaf that its client has seen.
func TestCrashFreeOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(seedOf(t), 0))
	rounds := 20
	if long() {
		rounds = 500
	}
	for range rounds {
		c := newClock()
		l, _ := fresh(t, c)
		b := &books{l: l, c: c, charges: map[string]int64{}}
		for i := range early { // to be released, by several
			id := fmt.Sprint("early-", i)
			at, err := l.Charge(ctx, charge(id, 1, c.now()))
			must(t, err)
			b.charges[id] = at
		}
		c.step(2 * time.Second)
		linear(t, b.history(t, random))
	}
}

// history has six clients do eight deeds each and records what came of them.
func (b *books) history(t *testing.T, random *rand.Rand) []porcupine.Operation {
	const clients, times = 6, 8
	deeds := make([]deed, clients*times)
	for i := range deeds {
		d := deed{id: fmt.Sprint("r-", i), job: random.IntN(3), rho: 1 + random.Int64N(200)}
		switch n := random.IntN(10); {
		case n < 3:
			d.kind = "charge"
		case n < 5:
			d.kind, d.rho = "reserve", 200+random.Int64N(300)
		case n < 7:
			d.kind = "draw"
		case n < 8:
			d.kind, d.rho = "close", 0
		default:
			d.kind, d.id, d.rho = "release", fmt.Sprint("early-", random.IntN(early)), 0
		}
		deeds[i] = d
	}
	ops := make([]porcupine.Operation, len(deeds))
	began := time.Now()
	together(clients, func(client int) {
		for i := client * times; i < (client+1)*times; i++ {
			op := porcupine.Operation{ClientId: client, Input: deeds[i], Call: time.Since(began).Nanoseconds()}
			err := b.do(deeds[i])
			if errors.Is(err, errUnseen) { // nothing was asked
				op.Input = deed{}
			} else if err != nil && !refusal(err) {
				t.Error(err)
			}
			op.Output, op.Return = err == nil, time.Since(began).Nanoseconds()
			ops[i] = op
		}
	})
	return ops
}

func refusal(err error) bool {
	for _, e := range []error{ledger.ErrBudget, ledger.ErrReserve, ledger.ErrDuplicate, ledger.ErrUnknown, ledger.ErrAlreadyReleased} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func linear(t *testing.T, ops []porcupine.Operation) {
	t.Helper()
	switch porcupine.CheckOperationsTimeout(accounts, ops, 20*time.Second) {
	case porcupine.Illegal:
		t.Fatal("not linearizable")
	case porcupine.Unknown:
		t.Log("the machine was too slow to tell")
	}
}
