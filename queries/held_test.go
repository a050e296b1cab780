package queries_test

import (
	"errors"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// What a training job has set aside is room for nobody else, and an estimate says so
// before a charge does.
func TestEstimateCountsWhatIsSetAside(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer h.close()
		tpl, err := catalog(t).Find("I3")
		if err != nil {
			t.Fatal(err)
		}
		limit, _ := h.ledger.Cap(pop + "/life")
		reserve, err := h.ledger.Reserve(t.Context(), ledger.Reserve{
			Job: "a-job", Principal: "insurer-a", Organisation: "insurer-a", Grant: "evaluation-insurer-a", Purpose: "commercial-health-insurance",
			Template: tpl.Ref(), TemplateDigest: tpl.Digest(), Scopes: []string{pop + "/life"},
			Cost: dp.Cost{Rho: limit.Rho - 10_000_000_000}, By: "steward-s", Until: time.Now().AddDate(0, 1, 0).UTC().Format(time.DateOnly),
		})
		if err != nil {
			t.Fatal(err)
		}
		e, err := h.runner.Estimate(t.Context(), "insurer-a", i3)
		if err != nil {
			t.Fatal(err)
		}
		if e.Fits || e.FitsAt == 0 {
			t.Errorf("it fits, at %d", e.FitsAt)
		}
		for _, s := range e.Scopes {
			if life := s.Scope == pop+"/life"; life == s.Fits || life && (s.Spent != 0 || s.Held < 1) {
				t.Errorf("%+v", s)
			}
		}
		if _, err := h.runner.Ask(t.Context(), "insurer-a", i3, ""); !errors.Is(err, ledger.ErrBudget) {
			t.Errorf("asked: %v", err)
		}
		if _, err := h.ledger.CloseReserve(t.Context(), reserve); err != nil {
			t.Fatal(err)
		}
		if e, err = h.runner.Estimate(t.Context(), "insurer-a", i3); err != nil || !e.Fits {
			t.Errorf("afterwards: fits %v, %v", e.Fits, err)
		}
	})
}
