package queries_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/queries"
)

// An absolute error of money is meant in yuan, named or not; other units stay.
func TestAccuracyOfMoneyIsInYuan(t *testing.T) {
	h := newHouse(t, nil)
	defer h.close()
	for _, accuracy := range [][]string{{"severity=700", "people=50"}, {"700", "people=50"}} {
		req := i3
		req.Cost, req.Accuracy = 0, accuracy
		e, err := h.runner.Estimate(t.Context(), "insurer-a", req)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range e.Measures {
			want := map[string]float64{"severity": 70_000, "people": 50}[m.Name]
			if want != 0 && (m.HalfWidth > want || m.HalfWidth < 0.9*want) {
				t.Errorf("%v: %s is within %v %s, want %v", accuracy, m.Name, m.HalfWidth, m.Unit, math.Round(want))
			}
		}
	}
}

// Refusals say what could be asked.
func TestAccuracyRefusalsHelp(t *testing.T) {
	h := newHouse(t, nil)
	defer h.close()
	dear, unknown, empty := i3, i3, i3
	dear.Cost = 5
	unknown.Cost, unknown.Accuracy = 0, []string{"sev=5"}
	empty.PublicPeople = 500
	for says, req := range map[string]queries.Request{"above the cap of rho 1.0": dear, "there are people, severity": unknown, "--allow-empty": empty} {
		_, err := h.runner.Estimate(t.Context(), "insurer-a", req)
		if err == nil || !strings.Contains(err.Error(), says) || says[0] != '-' && !errors.Is(err, queries.ErrAccuracy) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

// The error of a quantile is one of its rank, not of its amount; a standard
// deviation of amounts is meant in yuan as they are.
func TestAccuracyOfRanksAndDeviations(t *testing.T) {
	c := catalog(t)
	for ref, want := range map[string]struct {
		accuracy, measure string
		half              float64
	}{
		"I4": {"selfpay=0.009", "selfpay", 0.009},
		"R1": {"cost_sd=3000", "cost_sd", 300_000},
	} {
		tpl, err := c.Find(ref)
		if err != nil {
			t.Fatal(err)
		}
		q, err := c.Compile(tpl, false, map[string]string{"window": "2017"}, source)
		if err != nil {
			t.Fatal(err)
		}
		e, err := queries.ParseAccuracy(want.accuracy)
		if err != nil {
			t.Fatal(err)
		}
		q.Job.Spec.K = 20
		plan, err := dp.Price(q.Job.Spec, queries.Wanted(q, dp.Want{Errors: []dp.Error{e}}), dp.DeltaRule{Fixed: 1e-9})
		if err != nil {
			t.Errorf("%s: %v", ref, err)
			continue
		}
		if h, err := plan.HalfWidth(want.measure, 0); err != nil || h > want.half || h < 0.98*want.half {
			t.Errorf("%s: half-width %g, want %g (%v)", ref, h, want.half, err)
		}
	}
}
