package queries_test

import (
	"slices"
	"testing"

	"github.com/qunxiang/qunxiang/queries"
)

// A principal sees what it was charged for itself, at once; whoever may read the log sees
// everybody's, and no more than a checkpoint covers. How a request ended is told no
// sooner.
func TestHistory(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer h.close()
		first, _ := h.answered("insurer-a", i3)
		h.answered("regulator-r", i3) // from store: it costs nothing and is not listed
		h.engine.fails.Store(true)
		second, err := h.runner.Ask(t.Context(), "insurer-a", queries.Request{Template: "I2", Coarse: true, Cost: 0.02, Parameters: canary}, "")
		if err != nil {
			t.Fatal(err)
		}
		ids := func(principal string) (out []string) {
			for _, a := range h.runner.History(principal) {
				out = append(out, a.ID)
			}
			return out
		}
		both := []string{second.ID, first.ID}
		if got := ids("insurer-a"); !slices.Equal(got, both) {
			t.Errorf("the insurer's own: %v", got)
		}
		if got := ids("regulator-r"); !slices.Equal(got, both[1:]) {
			t.Errorf("for the regulator, before a checkpoint covers the second: %v", got)
		}
		for _, other := range []string{"pharma-b", "nobody"} {
			if got := ids(other); got != nil {
				t.Errorf("for %s: %v", other, got)
			}
		}
		if now := h.runner.History("insurer-a")[0]; now.State != queries.Running || now.Rho == 0 || now.Title.EN != "Claim frequency" || len(now.Scopes) != 2 {
			t.Errorf("while it runs: %+v", now)
		}
		if _, err := h.runner.Wait(t.Context(), "insurer-a", second.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := h.ledger.Checkpoint(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := ids("regulator-r"); !slices.Equal(got, both) {
			t.Errorf("for the regulator, once it is covered: %v", got)
		}
		if got := h.runner.History("insurer-a"); got[0].State != queries.Abandoned || got[1].State != queries.Released {
			t.Errorf("at the end: %+v", got)
		}
	})
}
