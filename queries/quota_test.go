package queries_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// An estimate tells what the grant's quota has left, and that a request does not fit into
// it, before a charge does.
func TestEstimateCountsTheQuota(t *testing.T) {
	in(t, func(t *testing.T) {
		until := regexp.MustCompile(`(?m)^( +until: .*)$`)
		h := newHouse(t, func(text string) string { return until.ReplaceAllString(text, "$1\n    quota_rho: 0.08") })
		defer h.close()
		estimate := func() *queries.Estimate {
			t.Helper()
			e, err := h.runner.Estimate(t.Context(), "insurer-a", i3)
			if err != nil || e.Quota == nil {
				t.Fatalf("%+v: %v", e, err)
			}
			return e
		}
		if e := estimate(); !e.Fits || !e.Quota.Fits || e.Quota.Quota != 0.08 || e.Quota.Spent != 0 || !strings.HasPrefix(e.Quota.Grant, "evaluation-insurer-a") {
			t.Errorf("before: fits %v, %+v", e.Fits, e.Quota)
		}
		h.answered("insurer-a", i3)
		other := i3
		other.Parameters = map[string]string{"window": "2016-01-01..2016-12-31"}
		e, err := h.runner.Estimate(t.Context(), "insurer-a", other)
		if err != nil || e.Fits || e.Quota.Fits || e.Quota.Spent == 0 || e.FitsAt == 0 {
			t.Fatalf("afterwards: %v, %+v", err, e)
		}
		for _, s := range e.Scopes {
			if !s.Fits {
				t.Errorf("the budgets suffice: %+v", s)
			}
		}
		if _, err := h.runner.Ask(t.Context(), "insurer-a", other, ""); !errors.Is(err, ledger.ErrBudget) {
			t.Errorf("asked: %v", err)
		}
	})
}
