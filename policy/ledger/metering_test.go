package ledger_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// Every request is metered, whatever became of it, and a fold of the same log
// tells the same.
func TestUsage(t *testing.T) {
	c := newClock()
	l, dir := fresh(t, c)
	_, released := answer(t, l, c, "r-1", 40)
	index, err := l.Charge(ctx, charge("r-2", 7, c.now()))
	must(t, err)
	for _, id := range []string{"p-1", "p-2"} {
		_, err = l.Replay(ctx, ledger.Replay{ID: id, Release: released, Grant: "g-b", Principal: "pharma-b", Organisation: "Pharma B", Purpose: "research", Request: id})
		must(t, err)
	}
	c.step(2 * time.Second)
	_, err = l.Abandon(ctx, index)
	must(t, err)
	if _, err := l.Charge(ctx, charge("r-3", 5000, c.now())); err == nil {
		t.Fatal("more than the cap was charged")
	}
	want := []ledger.Usage{
		{Organisation: "Insurer A", Template: template, Charges: 2, Rho: 47, Seconds: 4, Slot: 2},
		{Organisation: "Pharma B", Template: template, Repeats: 2},
	}
	if got := l.Usage(); !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
	must(t, l.Close())
	s, err := ledger.Read(filepath.Clean(dir), verifier(t))
	must(t, err)
	if got := s.Usage(); !slices.Equal(got, want) {
		t.Errorf("read again: %+v", got)
	}
}
