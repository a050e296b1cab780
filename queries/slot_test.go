package queries_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qunxiang/qunxiang/queries"
)

// An engine that does not stop holds nothing up: its request is abandoned at
// the slot, its late result is dropped, and Close waits for it to end.
func TestAbandonedAtItsSlotWhateverTheEngineDoes(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		h.engine.deaf, h.engine.takes = true, time.Minute
		start := time.Now()
		tk, err := h.runner.Ask(t.Context(), "insurer-a", i3, "")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Until(tk.Due))
		synctest.Wait()
		if s, err := h.runner.Status("insurer-a", tk.ID); err != nil || s.State != queries.Abandoned {
			t.Errorf("at the slot: %+v %v", s, err)
		}
		if rec := h.ledger.Requests()[0]; !rec.Abandoned {
			t.Error("the log does not say so")
		}
		h.runner.Close()
		if time.Since(start) < time.Minute {
			t.Error("Close did not wait for the engine")
		}
		if _, err := h.runner.Answer("insurer-a", tk.ID); !errors.Is(err, queries.ErrAbandoned) || h.store.files() != 0 {
			t.Errorf("the late result: %v, %d files", err, h.store.files())
		}
		h.close()
	})
}

// A question that was released after a first look is not drawn again: the
// claim itself looks into the store.
func TestClaimLooksIntoTheStore(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		first, _ := h.answered("insurer-a", i3)
		if rel, err := h.runner.Claim("regulator-r", i3); err != nil || rel != first.ID {
			t.Errorf("the claim found release %q (%v), want %q", rel, err, first.ID)
		}
		h.close()
	})
}
