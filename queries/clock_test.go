package queries_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// A leaf from a clock an hour ahead makes answers late, and refuses none.
func TestSlotAfterALeafFromAWrongClock(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		h.close()
		h.now = func() time.Time { return time.Now().Add(time.Hour) }
		h.open()
		if _, err := h.ledger.Deny(t.Context(), ledger.Deny{Principal: "insurer-a", Rule: "role"}); err != nil {
			t.Fatal(err)
		}
		h.close()
		h.now = nil
		h.open()
		start := time.Now()
		tk, err := h.runner.Ask(t.Context(), "insurer-a", i3, "")
		if err != nil {
			t.Fatal(err)
		}
		if d := tk.Due.Sub(start); d < time.Hour+2*time.Second || d > time.Hour+4*time.Second {
			t.Errorf("due in %v, the log is an hour ahead", d)
		}
		if done, err := h.runner.Wait(t.Context(), "insurer-a", tk.ID); err != nil || done.State != queries.Released {
			t.Errorf("%+v %v", done, err)
		}
		h.close()
	})
}

// A ledger whose clock was put back releases and abandons when it is due there.
func TestSlotByTheLedgersClock(t *testing.T) {
	for name, fails := range map[string]bool{"released": false, "abandoned": true} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T) {
				h := newHouse(t, nil)
				h.close()
				var back atomic.Int64
				h.now = func() time.Time { return time.Now().Add(-time.Duration(back.Load())) }
				h.open()
				h.engine.fails.Store(fails)
				tk, err := h.runner.Ask(t.Context(), "insurer-a", i3, "")
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				back.Store(int64(3 * time.Second))
				done, err := h.runner.Wait(t.Context(), "insurer-a", tk.ID)
				want := queries.Released
				if fails {
					want = queries.Abandoned
				}
				if err != nil || done.State != want || time.Now().Before(tk.Due.Add(3*time.Second)) {
					t.Errorf("%+v %v at %v", done, err, time.Now())
				}
				if rec := h.ledger.Requests()[0]; rec.Open() {
					t.Error("the charge is open in the log")
				}
				h.close()
			})
		})
	}
}
