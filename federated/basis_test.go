package federated

import (
	"context"
	"errors"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// A job that has begun goes on with the snapshot, scopes and limits of its node, or not
// at all.
func TestReopenedOnSomethingElse(t *testing.T) {
	w := newWorld(t, 3, 12).openNodes()
	for w.parties[0].node.Round() == 0 {
		w.turn()
	}
	_, err := w.parties[0].ledger.Snapshot(ctx, ledger.Snapshot{Snapshot: "snap-2", By: "steward"})
	must(t, err)
	for _, tt := range []struct {
		name   string
		change func(*NodeOptions, *LedgerBooks)
		want   error
	}{
		{"another snapshot", func(_ *NodeOptions, b *LedgerBooks) { b.Snapshot = "snap-2" }, ErrRefused},
		{"a year less", func(_ *NodeOptions, b *LedgerBooks) { b.Scopes = b.Scopes[:1] }, ErrRefused},
		{"another order of scopes", func(_ *NodeOptions, b *LedgerBooks) { b.Scopes = []string{b.Scopes[1], b.Scopes[0]} }, nil},
		{"a lower limit", func(o *NodeOptions, _ *LedgerBooks) { o.Limits.Rho = 1 }, ErrLimit},
	} {
		w.kill(0)
		o := w.options(0)
		tt.change(&o, o.Books.(*LedgerBooks))
		n, err := OpenNode(ctx, o)
		if !errors.Is(err, tt.want) {
			t.Fatalf("%s: %v, want %v", tt.name, err, tt.want)
		}
		w.parties[0].node = n
	}
	// Another job that was charged in between.
	s := Spend{
		Job: sha([]byte("another")), Source: w.card.Source, Purpose: w.card.Purpose, Attempt: 1, Record: sha(nil).String(), Root: sha(nil),
		Cost: dp.Cost{Rho: 1}, Sigmas: map[string]float64{"gradient": 1}, Epoch: dayOf(w.clock)(),
	}
	must(t, w.bookkeeper(0).Reserve(ctx, Aside{Job: s.Job, Source: s.Source, Purpose: s.Purpose, Whole: s.Cost, Until: w.card.Until}))
	must(t, w.bookkeeper(0).Charge(ctx, s))
	w.kill(0)
	_, err = OpenNode(ctx, w.options(0))
	mustBe(t, err, ErrSnapshot)
	w.parties[0].limits.SecondJob = true
	w.openNode(0)
	w.run()
	w.sameModel()
}

// restless books move to another snapshot, or other scopes, after the first charge.
type restless struct {
	*LedgerBooks
	move func(*LedgerBooks)
}

func (r restless) Charge(ctx context.Context, s Spend) error {
	defer r.move(r.LedgerBooks)
	return r.LedgerBooks.Charge(ctx, s)
}

// Charges of one job on different people are no job; in other scopes than it set aside in,
// the ledger takes none.
func TestVerifyOneBasis(t *testing.T) {
	for name, move := range map[string]func(*LedgerBooks){
		"snapshot": func(b *LedgerBooks) { b.Snapshot = "snap-2" },
		"scopes":   func(b *LedgerBooks) { b.Scopes = b.Scopes[:1] },
	} {
		w := newWorld(t, 2, 12)
		_, err := w.parties[0].ledger.Snapshot(ctx, ledger.Snapshot{Snapshot: "snap-2", By: "steward"})
		must(t, err)
		o := w.options(0)
		o.Books = restless{o.Books.(*LedgerBooks), move}
		w.parties[0].node, err = OpenNode(ctx, o)
		must(t, err)
		w.openNode(1)
		w.openNode(2)
		w.run()
		if name == "scopes" {
			if got := w.parties[0].node.Stopped(); got != "the ledger refuses the charge" {
				t.Errorf("stopped with %q", got)
			}
			continue
		}
		w.sameModel()
		_, err = Verify(w.parties[0].dir, VerifyOptions{unprotected: unprotected})
		isCode(t, name, err, VerifyCharge)
	}
}
