package queries_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// agreed is a request with the price that was agreed to.
func agreed(req queries.Request, rho float64) queries.Request {
	req.MaxRho = rho
	return req
}

// What was shown is what is paid: a charge above the agreed price is refused, and nothing
// is charged or logged for it.
func TestAgreedPrice(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer h.close()
		e, err := h.runner.Estimate(t.Context(), "insurer-a", agreed(i3, queries.OnlyFree))
		if err != nil {
			t.Fatalf("an estimate is held to the price: %v", err)
		}
		leaves := h.ledger.Size()
		for _, rho := range []float64{queries.OnlyFree, e.Rho / 2, math.Nextafter(e.Rho, 0)} {
			_, err := h.runner.Ask(t.Context(), "insurer-a", agreed(i3, rho), "")
			if !errors.Is(err, queries.ErrPrice) || !strings.Contains(err.Error(), "estimate again") {
				t.Errorf("agreed to %g of %g: %v", rho, e.Rho, err)
			}
		}
		for _, rho := range []float64{-1, math.NaN(), math.Inf(1), math.Inf(-1)} {
			if _, err := h.runner.Ask(t.Context(), "insurer-a", agreed(i3, rho), ""); !errors.Is(err, queries.ErrAccuracy) {
				t.Errorf("agreed to %g: %v", rho, err)
			}
		}
		if h.spent() != (dp.Cost{}) || h.ledger.Size() != leaves || h.engine.runs.Load() != 0 {
			t.Errorf("refused, and %+v is spent in %d leaves", h.spent(), h.ledger.Size()-leaves)
		}
		if first, _ := h.answered("insurer-a", agreed(i3, e.Rho)); !first.Charged {
			t.Error("the price that was shown is not enough")
		}
	})
}

// The same question in new data has a new price of nothing agreed: what was free is then
// not charged.
func TestAgreedToWhatIsFree(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer h.close()
		h.answered("insurer-a", i3)
		cost := h.spent()
		if again, _ := h.answered("insurer-a", agreed(i3, queries.OnlyFree)); again.Charged || h.spent() != cost {
			t.Errorf("an answer that the caller has: %+v", again)
		}
		if _, err := h.ledger.Snapshot(t.Context(), ledger.Snapshot{Snapshot: strings.Repeat("cd", 32), By: "steward-s"}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.runner.Ask(t.Context(), "insurer-a", agreed(i3, queries.OnlyFree), ""); !errors.Is(err, queries.ErrPrice) || h.spent() != cost {
			t.Errorf("the answer is of other data: %v", err)
		}
	})
}

// Offering less than the price tells nothing of what others have asked, whether their
// answer is stored or on its way.
func TestPriceTellsNothingOfOthers(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer h.close()
		probe := func(when string) {
			t.Helper()
			leaves := h.ledger.Size()
			_, err := h.runner.Ask(t.Context(), "regulator-r", agreed(i3, queries.OnlyFree), "")
			if !errors.Is(err, queries.ErrPrice) || h.ledger.Size() != leaves {
				t.Errorf("%s: %v", when, err)
			}
		}
		probe("never asked")
		first, err := h.runner.Ask(t.Context(), "insurer-a", i3, "")
		if err != nil {
			t.Fatal(err)
		}
		probe("on its way")
		if _, err := h.runner.Wait(t.Context(), "insurer-a", first.ID); err != nil {
			t.Fatal(err)
		}
		probe("stored")
		e, err := h.runner.Estimate(t.Context(), "regulator-r", i3)
		if err != nil || e.Free {
			t.Fatalf("free %v: %v", e.Free, err)
		}
		if has, _ := h.answered("regulator-r", agreed(i3, e.Rho)); has.Charged {
			t.Error("who agrees to the price is charged for what is stored")
		}
	})
}

// The agreed price is no part of the question or of an idempotency key's request: whoever
// asks again under the key gets the ticket of the first time, whatever they agree to now.
func TestAgreedPriceIsNoPartOfAnIdempotentRequest(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer h.close()
		first, err := h.runner.Ask(t.Context(), "insurer-a", agreed(i3, 1), "k")
		if err != nil || !first.Charged {
			t.Fatalf("%+v: %v", first, err)
		}
		cost := h.spent()
		for _, rho := range []float64{1, 0.9, 0, queries.OnlyFree} {
			if again, err := h.runner.Ask(t.Context(), "insurer-a", agreed(i3, rho), "k"); err != nil || again.ID != first.ID || h.spent() != cost {
				t.Errorf("again, agreed to %g: %+v, %v", rho, again, err)
			}
		}
		other := i3
		other.Cost = 0.06
		if _, err := h.runner.Ask(t.Context(), "insurer-a", other, "k"); !errors.Is(err, queries.ErrIdempotency) {
			t.Errorf("another request under the key: %v", err)
		}
		// A refusal is not the first use of a key.
		if _, err := h.runner.Ask(t.Context(), "insurer-a", agreed(other, queries.OnlyFree), "k2"); !errors.Is(err, queries.ErrPrice) {
			t.Error(err)
		}
		if second, err := h.runner.Ask(t.Context(), "insurer-a", agreed(other, 1), "k2"); err != nil || !second.Charged {
			t.Errorf("after the price was agreed to: %+v, %v", second, err)
		}
	})
}
