package federated

import (
	"math"
	"testing"
)

// Without noise the nodes' model is the pooled fit, bit by bit: integers add in any
// order.
func TestPooled(t *testing.T) {
	w := newWorld(t, 5, 400).openNodes().run()
	fit := w.sameModel()
	want := w.pooled()
	if fit.Coefficients.Hash() != want.Coefficients.Hash() {
		t.Fatalf("%v, pooled %v", fit.Coefficients.Floats(), want.Coefficients.Floats())
	}
	if !fit.Converged || fit.Rows != 1200 {
		t.Fatalf("converged %v with %v rows", fit.Converged, fit.Rows)
	}
	w.charged(5)
	if s := w.c.Status(); !s.Done || s.Burnt != 0 || s.Attempt != 5 {
		t.Fatalf("%+v", s)
	}
}

// With noise every node has the same model, near the pooled one. The bound is over
// eight standard errors of three coefficients: a false alarm in fewer than 1e-13 of runs.
func TestPooledWithNoise(t *testing.T) {
	w := newWorld(t, 4, 3000)
	w.noise = true
	w.openNodes().run()
	fit, want := w.sameModel(), w.pooled()
	for i, term := range fit.Terms {
		off := math.Abs(term.Estimate - want.Terms[i].Estimate)
		if off > 8*term.SE {
			t.Errorf("%s is %.4f +- %.4f, pooled %.4f", term.Name, term.Estimate, term.SE, want.Terms[i].Estimate)
		}
		if off == 0 {
			t.Errorf("%s has no noise", term.Name)
		}
	}
	w.charged(4)
	spent := w.parties[0].ledger.Spent(testTown + "/life").Rho
	if most := int64(w.card.Privacy.Rho); spent > most || spent < most*9/10 {
		t.Errorf("rho %d was charged of %d on the card", spent, most)
	}
}
