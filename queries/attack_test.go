package queries_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// spend asks a principal's questions, each about another year's half, until the budget
// refuses, and returns how many were charged.
func spend(t *testing.T, h *house, who, template string) (charged int) {
	t.Helper()
	tpl, err := catalog(t).Find(template)
	if err != nil {
		t.Fatal(err)
	}
	for day := range 250 {
		given := maps.Clone(tpl.Example)
		given["window"] = fmt.Sprintf("2017-01-%02d..2017-%02d-28", 1+day%28, 3+day/28)
		req := queries.Request{Template: template, Coarse: true, Cost: 0.05, AllowEmpty: true, Parameters: given}
		ticket, err := h.runner.Ask(t.Context(), who, req, "")
		if errors.Is(err, ledger.ErrBudget) {
			return charged
		}
		if err != nil {
			t.Fatal(err)
		}
		if ticket, err = h.runner.Wait(t.Context(), who, ticket.ID); err != nil || ticket.State != queries.Released {
			t.Fatalf("%+v %v", ticket, err)
		}
		charged++
	}
	t.Fatal("the budget never ended")
	return 0
}

// Two organisations that ask apart and put their answers together get what one would
// have got: the cap is the population's.
func TestAttackTwoOrganisationsShareTheCap(t *testing.T) {
	in(t, func(t *testing.T) {
		small := func(s string) string {
			return strings.ReplaceAll(s, "{epsilon: 10, delta: 1e-9}", "{epsilon: 4, delta: 1e-9}")
		}
		alone := newHouse(t, small)
		defer alone.close()
		most := spend(t, alone, "insurer-a", "I3")
		both := newHouse(t, small)
		defer both.close()
		half := spend(t, both, "insurer-a", "I3")
		if more := spend(t, both, "pharma-b", "P1"); half != most || more > 0 {
			t.Errorf("one organisation has %d charges, then another %d; alone it is %d", half, more, most)
		}
		if both.spent() != alone.spent() {
			t.Errorf("together %+v, alone %+v", both.spent(), alone.spent())
		}
	})
}

// The same people loaded again, under another snapshot, bring no new budget, and no
// file of theirs does: it is the population's, by name, and the log knows its own.
func TestAttackNewSnapshotIsNoNewBudget(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, func(s string) string {
			return strings.ReplaceAll(s, "{epsilon: 10, delta: 1e-9}", "{epsilon: 4, delta: 1e-9}")
		})
		spend(t, h, "insurer-a", "I3")
		before := h.spent()
		if _, err := h.ledger.Snapshot(t.Context(), ledger.Snapshot{Snapshot: strings.Repeat("cd", 32), By: "steward-s"}); err != nil {
			t.Fatal(err)
		}
		if _, err := h.runner.Ask(t.Context(), "insurer-a", i3, ""); !errors.Is(err, ledger.ErrBudget) || h.spent() != before {
			t.Errorf("on a new snapshot: %v, spent %+v of %+v", err, h.spent(), before)
		}
		h.close()
		if _, err := ledger.Open(ledger.Options{Dir: h.dir, Population: "pop-other", Signer: h.key, Now: h.now, Fatal: func(error) {}}); !errors.Is(err, ledger.ErrCorrupt) {
			t.Errorf("under another population's name: %v", err)
		}
	})
}

// A thousand askings of one question are one draw: their mean is no nearer to the truth.
func TestAttackAveraging(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer h.close()
		_, first := h.answered("insurer-a", i3)
		cost := h.spent()
		for i := range 1000 {
			who := []string{"insurer-a", "regulator-r"}[i%2]
			time.Sleep(time.Second) // repeats are limited, too
			if ticket, body := h.answered(who, i3); ticket.Charged || !bytes.Equal(first, body) {
				t.Fatalf("asking %d: %+v", i, ticket)
			}
		}
		if h.spent() != cost || h.engine.runs.Load() != 1 {
			t.Errorf("%d draws, spent %+v", h.engine.runs.Load(), h.spent())
		}
	})
}

// A client that hangs up once its request is taken on has paid for it: the charge
// stands, the answer is drawn, and asking again gives the same, free.
func TestAttackHangingUp(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer h.close()
		ctx, hangUp := context.WithCancel(t.Context())
		ticket, err := h.runner.Ask(ctx, "insurer-a", i3, "")
		if err != nil {
			t.Fatal(err)
		}
		cost := h.spent()
		hangUp()
		if _, err := h.runner.Wait(ctx, "insurer-a", ticket.ID); !errors.Is(err, context.Canceled) {
			t.Errorf("waiting on a line that is cut: %v", err)
		}
		if again, _ := h.answered("insurer-a", i3); again.Charged || cost.Rho == 0 || h.spent() != cost || h.engine.runs.Load() != 1 {
			t.Errorf("asked again: %+v, spent %+v of %+v, %d draws", again, h.spent(), cost, h.engine.runs.Load())
		}
	})
}
