package queries_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qunxiang/qunxiang/queries"
)

// several asks n different questions, each dearer than those before.
func several(h *house, who string, from, n int) error {
	for i := range n {
		req := i3
		req.Cost = 0.001 * float64(from+i+1)
		if _, err := h.runner.Ask(h.t.Context(), who, req, ""); err != nil {
			return err
		}
	}
	return nil
}

// Whether a question is let in does not tell whether the runs before it have
// ended: they count until their slots, neither shorter nor longer (rule 10).
func TestRunsCountUntilTheirSlots(t *testing.T) {
	for _, takes := range []time.Duration{0, time.Second, time.Minute} {
		in(t, func(t *testing.T) {
			h := newHouse(t, nil)
			h.runner.MaxInFlight = 8
			h.engine.deaf, h.engine.takes = true, takes
			if err := several(h, "insurer-a", 0, 8); err != nil {
				t.Fatal(err)
			}
			spent := h.spent()
			for range 3 {
				if err := several(h, "regulator-r", 8, 1); !errors.Is(err, queries.ErrBusy) || h.spent() != spent {
					t.Errorf("runs of %v: a ninth: %v", takes, err)
				}
				time.Sleep(500 * time.Millisecond)
				synctest.Wait()
			}
			time.Sleep(3 * time.Second) // past all slots
			synctest.Wait()
			if err := several(h, "regulator-r", 8, 1); errors.Is(err, queries.ErrBusy) { // it may be suspended
				t.Errorf("runs of %v, past their slots: %v", takes, err)
			}
			h.close()
		})
	}
}

// One principal has so many requests in flight and no more, those that follow
// another's included; others are not kept from asking.
func TestInFlightByPrincipal(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		h.engine.takes, h.runner.MaxRuns, h.runner.MaxInFlight = 0, 100, 16
		for i := range 15 {
			if err := several(h, "insurer-a", i, 1); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if err := several(h, "regulator-r", 20, 1); err != nil {
			t.Fatalf("another principal: %v", err)
		}
		synctest.Wait()
		if err := several(h, "insurer-a", 20, 1); err != nil { // follows
			t.Fatal(err)
		}
		spent := h.spent()
		for name, from := range map[string]int{"a new draw": 30, "a follower": 20} {
			if err := several(h, "insurer-a", from, 1); !errors.Is(err, queries.ErrTooMany) || h.spent() != spent {
				t.Errorf("%s beyond 16: %v", name, err)
			}
		}
		if err := several(h, "regulator-r", 30, 1); err != nil {
			t.Errorf("another principal: %v", err)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if err := several(h, "insurer-a", 40, 1); err != nil {
			t.Errorf("after the slots: %v", err)
		}
		h.close()
	})
}
