package federated

import (
	"context"
	"errors"
	"time"

	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/federated/glm/glmtest"
)

// wire reaches whichever coordinator is up.
type wire struct{ w *world }

func (x wire) Post(ctx context.Context, p Posting) error {
	if x.w.c == nil {
		return errDown
	}
	return Direct(x.w.c).Post(ctx, p)
}

func (x wire) Poll(ctx context.Context, since Place) ([]Item, Place, error) {
	if x.w.c == nil {
		return nil, since, errDown
	}
	return Direct(x.w.c).Poll(ctx, since)
}

func (x wire) Fetch(ctx context.Context, at Place) ([]byte, error) {
	if x.w.c == nil {
		return nil, errDown
	}
	return Direct(x.w.c).Fetch(ctx, at)
}

var errDown = errors.New("nobody answers")

func (w *world) openNode(i int) {
	w.t.Helper()
	n, err := OpenNode(ctx, w.options(i))
	must(w.t, err)
	w.parties[i].node = n
}

// kill drops a node as a killed process would: nothing is wiped or said.
func (w *world) kill(i int) {
	p := w.parties[i]
	if p.node != nil && p.node.journal != nil {
		_ = p.node.journal.Close()
	}
	p.node = nil
}

// restart opens ledger and node again from disk.
func (w *world) restart(i int) {
	w.t.Helper()
	w.kill(i)
	must(w.t, w.parties[i].ledger.Close())
	w.openLedger(i, false)
	w.openNode(i)
}

func (w *world) openNodes() *world {
	w.t.Helper()
	for i := range w.parties {
		w.openNode(i)
	}
	return w
}

// turn gives everybody one turn, and says whether anything happened.
func (w *world) turn() (progress bool) {
	w.t.Helper()
	if w.c != nil {
		must(w.t, w.c.Tick())
	}
	for _, p := range w.parties {
		if p.node == nil {
			continue
		}
		moved, err := p.node.Step(ctx)
		if err != nil && !errors.Is(err, ErrStopped) && !errors.Is(err, errDown) {
			w.t.Fatalf("%s: %v", p.name, err)
		}
		progress = progress || moved
	}
	return progress || w.wake()
}

// wake lets time pass to the first moment at which a silent node speaks, if one is.
func (w *world) wake() bool {
	var first time.Time
	for _, p := range w.parties {
		if p.node != nil && p.node.silent.After(w.now) && (first.IsZero() || p.node.silent.Before(first)) {
			first = p.node.silent
		}
	}
	if first.IsZero() {
		return false
	}
	w.now = first
	return true
}

// run goes on until nothing happens any more, then lets time pass, up to a limit.
func (w *world) run() *world {
	w.t.Helper()
	for range 400 {
		if w.over() {
			break
		}
		if !w.turn() {
			w.now = w.now.Add(30 * time.Second)
		}
	}
	w.now = w.now.Add(3 * time.Second)
	w.turn()
	return w
}

func (w *world) over() bool {
	for _, p := range w.parties {
		if p.node == nil || !p.node.Done() && p.node.Stopped() == "" {
			return false
		}
	}
	return true
}

// sameModel wants the same finished model at every node.
func (w *world) sameModel() *glm.Fit {
	w.t.Helper()
	var first *glm.Fit
	for _, p := range w.parties {
		fit := p.node.Model()
		if !p.node.Done() {
			w.t.Fatalf("%s has no model: %q, status %+v", p.name, p.node.Stopped(), w.c.Status())
		}
		if first == nil {
			first = fit
		}
		if fit.Coefficients.Hash() != first.Coefficients.Hash() {
			w.t.Fatalf("%s has another model", p.name)
		}
	}
	return first
}

// charged wants the books of all parties to agree: a charge for every share, and the
// same attempts everywhere.
func (w *world) charged(attempts int) {
	w.t.Helper()
	for i, p := range w.parties {
		if got := len(w.bookkeeper(i).Charged(p.node.job)); got != attempts || len(p.node.Issued()) != attempts {
			w.t.Fatalf("%s charged %d attempts and issued %d shares, want %d", p.name, got, len(p.node.Issued()), attempts)
		}
	}
}

// pooled is the fit of all people at one place, without the secure sum.
func (w *world) pooled() *glm.Fit {
	w.t.Helper()
	plan, err := w.card.Plan()
	must(w.t, err)
	plan = glmtest.Unprotected(plan)
	var rows []glm.Row
	for _, p := range w.parties {
		rows = append(rows, p.rows...)
	}
	data, err := plan.NewData(rows)
	must(w.t, err)
	beta := plan.Start()
	for r := range plan.Rounds() {
		sums, err := plan.Encode(data, r, beta)
		must(w.t, err)
		noise, err := plan.DrawNoise(r)
		must(w.t, err)
		sum, err := sums.Noisy(noise)
		must(w.t, err)
		if r == plan.Rounds()-1 {
			fit, err := plan.Fit(beta, sum)
			must(w.t, err)
			return fit
		}
		beta, _, err = plan.Step(r, beta, sum)
		must(w.t, err)
	}
	return nil
}
