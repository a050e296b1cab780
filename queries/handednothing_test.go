package queries_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// The log says of nobody that he was given what is not there: neither a file that is gone
// nor a training's sum, which is no answer.
func TestWhatIsNotThereIsHandedToNobody(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer h.close()
		tk, _ := h.answered("insurer-a", i3)
		h.store.m = map[string][]byte{}
		job := strings.Repeat("7", 64)
		round := h.trained(job)
		before := h.ledger.Size()
		for _, who := range []string{"regulator-r", "steward-s", "insurer-a"} {
			if _, err := h.runner.Answer(who, tk.ID); err == nil {
				t.Errorf("%s has an answer whose file is gone", who)
			}
			if _, err := h.runner.Answer(who, round); !errors.Is(err, queries.ErrUnknownRequest) {
				t.Errorf("%s has a training's sum: %v", who, err)
			}
		}
		if n := h.ledger.Size() - before; n != 0 {
			t.Errorf("%d leaves say that it was given", n)
		}
	})
}

// trained logs an attempt of a job with its sum's digest, and gives its id.
func (h *house) trained(job string) string {
	h.t.Helper()
	tpl, err := catalog(h.t).Find("I3")
	if err != nil {
		h.t.Fatal(err)
	}
	now := h.ledger.Now()
	scopes := []string{pop + "/life"}
	_, err1 := h.ledger.Reserve(h.t.Context(), ledger.Reserve{
		Job: job, Principal: "insurer-a", Organisation: "insurer-a", Grant: "evaluation-insurer-a", Purpose: "commercial-health-insurance",
		Template: tpl.Ref(), TemplateDigest: tpl.Digest(), Scopes: scopes, Cost: dp.Cost{Rho: 1_000_000, Delta: 1}, By: "steward-s",
		Until: now.AddDate(0, 1, 0).Format(time.DateOnly),
	})
	c := ledger.Charge{
		ID: job + "-1", Principal: "insurer-a", Organisation: "insurer-a", Grant: "evaluation-insurer-a", Purpose: "commercial-health-insurance",
		Template: tpl.Ref(), Catalogue: ledger.Training, TemplateDigest: tpl.Digest(), Key: job, Snapshot: source.Snapshot, Scopes: scopes,
		Epoch: now.Add(8*time.Hour).Unix() / 86400, Cost: dp.Cost{Rho: 1_000, Delta: 1}, Sigmas: map[string]float64{"sum": 1e6},
		Due: now.Add(time.Second), Idempotency: job, Request: "r",
	}
	c.Policy, _ = h.ledger.PolicyInForce()
	at, err2 := h.ledger.Charge(h.t.Context(), c)
	time.Sleep(2 * time.Second)
	_, err3 := h.ledger.Release(h.t.Context(), ledger.Release{Charge: at, ID: c.ID, Digest: fmt.Sprintf("%064d", 7)})
	if err := errors.Join(err1, err2, err3); err != nil {
		h.t.Fatal(err)
	}
	return c.ID
}
