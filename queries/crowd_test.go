package queries_test

import (
	"errors"
	"strings"
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

// One organisation has so many requests in flight and no more, those that follow
// another's included, whoever of it asks; others are not kept from asking.
func TestInFlightByOrganisation(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, colleague)
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
			for _, who := range []string{"insurer-a", "insurer-a2"} {
				if err := several(h, who, from, 1); !errors.Is(err, queries.ErrTooMany) || h.spent() != spent {
					t.Errorf("%s of %s beyond 16: %v", name, who, err)
				}
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

// colleague gives the insurer a second principal with the same grant.
func colleague(text string) string {
	text = strings.Replace(text, "principals:\n", "principals:\n  - {id: insurer-a2, organisation: insurer-a, roles: [insurer]}\n", 1)
	_, grants, _ := strings.Cut(text, "grants:\n")
	first, _, _ := strings.Cut(grants[1:], "\n  - ")
	return text + strings.ReplaceAll(grants[:1]+first, "insurer-a", "insurer-a2") + "\n"
}

// Refusals and repeats cost nothing and leave leaves: an organisation has some of them
// at once, and then one in a second. A refusal stands all the same.
func TestFreeLeavesAreLimited(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer h.close()
		h.answered("insurer-a", i3)
		size := h.ledger.Size()
		wrong := i3
		wrong.Purpose = "fishing"
		for range 400 {
			if _, err := h.runner.Ask(t.Context(), "insurer-a", wrong, ""); err == nil {
				t.Fatal("it was let in")
			}
			_, err := h.runner.Ask(t.Context(), "insurer-a", i3, "")
			if err != nil && !errors.Is(err, queries.ErrTooFast) {
				t.Fatal(err)
			}
		}
		if more := h.ledger.Size() - size; more != 500 {
			t.Errorf("%d leaves for nothing", more)
		}
		if _, err := h.runner.Ask(t.Context(), "insurer-a", i3, ""); !errors.Is(err, queries.ErrTooFast) {
			t.Errorf("one more: %v", err)
		}
		if _, body := h.answered("regulator-r", i3); len(body) == 0 {
			t.Error("another organisation is kept from asking")
		}
		time.Sleep(time.Second)
		if again, _ := h.answered("insurer-a", i3); again.Charged {
			t.Errorf("a second later: %+v", again)
		}
	})
}

// What cannot be kept is not charged; and where it is found too late, whoever serves is
// told, because to go on would be to charge for nothing.
func TestAnswersThatCannotBeKept(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer h.close()
		h.store.shown = true
		if _, err := h.runner.Ask(t.Context(), "insurer-a", i3, ""); !errors.Is(err, queries.ErrNoEngine) || h.spent().Rho != 0 {
			t.Fatalf("%v, spent %+v", err, h.spent())
		}
		told := make(chan error, 1)
		h.store.shown, h.store.full, h.runner.Fatal = false, true, func(err error) { told <- err }
		ticket, err := h.runner.Ask(t.Context(), "insurer-a", i3, "")
		if err != nil {
			t.Fatal(err)
		}
		if ticket, err = h.runner.Wait(t.Context(), "insurer-a", ticket.ID); err != nil || ticket.State != queries.Abandoned {
			t.Errorf("%+v %v", ticket, err)
		}
		if err := <-told; !errors.Is(err, errFull) {
			t.Error(err)
		}
	})
}
