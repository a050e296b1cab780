package federated

import (
	"path/filepath"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
)

// beside is a second job of the same parties, keys and ledgers.
func (w *world) beside(job string) *world {
	w.t.Helper()
	card := *w.card
	card.Job = job
	second := *w
	second.card, second.parties = &card, nil
	for _, p := range w.parties {
		q := *p
		q.dir, q.node = filepath.Join(w.dir, p.name, job), nil
		second.parties = append(second.parties, &q)
	}
	var err error
	second.c, err = OpenCoordinator(CoordinatorOptions{Dir: filepath.Join(w.dir, job), Card: &card, Key: w.coord, Now: second.clock})
	must(w.t, err)
	w.t.Cleanup(func() {
		for i := range second.parties {
			second.kill(i)
		}
	})
	return &second
}

// Two jobs that are opened before either has charged are two jobs on a snapshot all the
// same: one of them gets nothing, and where it begins an attempt after the other's
// charge it waits before a share of anybody is lost. When its operators allow it, it goes
// on.
func TestTwoJobsOpenedAtOnce(t *testing.T) {
	w := newWorld(t, 2, 12).openNodes()
	second := w.beside("claim-frequency-again").openNodes()
	w.run()
	w.sameModel()
	second.run()
	second.noModel(false)
	w.charged(2)
	for i, p := range second.parties {
		if got := len(w.bookkeeper(i).Charged(p.node.job)); got != 0 || p.node.Stopped() != "" || p.node.Waiting() != WaitLimits || p.node.journal.Highest() > 0 {
			t.Errorf("%s charged %d attempts of the second job, stopped: %q, waits for %q", p.name, got, p.node.Stopped(), p.node.Waiting())
		}
		if got := p.ledger.Requests(); len(got) != 2 {
			t.Errorf("%s has %d charges", p.name, len(got))
		}
	}
	if got := second.c.Status(); len(got.Waits) != 3 || got.Waits[0] != WaitLimits {
		t.Errorf("the coordinator knows that they wait for %v", got.Waits)
	}
	for _, p := range second.parties {
		p.node.SetLimits(Limits{SecondJob: true})
	}
	second.run()
	second.sameModel()
	second.charged(2)
}

// Where both jobs are past the last look before the barrier, the ledger takes one
// charge and refuses the other.
func TestChargeLooksForAnotherJob(t *testing.T) {
	w := newWorld(t, 2, 12)
	n := w.openNodes().parties[0].node
	other := w.beside("claim-frequency-again").openNodes().parties[0].node
	s := Spend{Job: n.job, Source: w.card.Source, Purpose: w.card.Purpose, Attempt: 1, Record: sha(nil).String(), Root: sha([]byte{1}), Cost: dp.Cost{Rho: 1e9}, Sigmas: map[string]float64{"gradient": 1}, Epoch: dayOf(w.clock)(), Alone: true}
	must(t, n.o.Books.Charge(ctx, s))
	s.Attempt, s.Root = 2, sha([]byte{2})
	must(t, n.o.Books.Charge(ctx, s)) // its own charges are no other's
	s.Job, s.Root = other.job, sha([]byte{3})
	mustBe(t, other.o.Books.Charge(ctx, s), ErrRefused)
	s.Alone = false
	must(t, other.o.Books.Charge(ctx, s))
}
