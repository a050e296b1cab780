package federated

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"
)

// Parties die again and again at any of their calls, the coordinator between its own
// too. In the end all nodes have the pooled model, or the job has stopped with a reason
// because its spares were burnt; each share was made once and has its charge.
func TestCrashAgainAndAgain(t *testing.T) {
	runs := uint64(8)
	if os.Getenv("QUNXIANG_LONG") != "" {
		runs = 200
	}
	finished := 0
	for seed := range runs {
		if chaos(t, seed) {
			finished++
		}
	}
	chaos(t, 169) // a late share of an older attempt, between two attempts that go nowhere
	if finished == 0 {
		t.Error("no job ended with a model")
	}
}

// chaos runs one job, and says whether it ended with a model.
func chaos(t *testing.T, seed uint64) bool {
	random := rand.New(rand.NewPCG(seed, 77))
	name := fmt.Sprintf("seed %d", seed)
	w := newWorld(t, 2, 12)
	list := w.mortals()
	deaths := 6
	for _, m := range list {
		m.at, m.after = 1+random.IntN(30), random.IntN(2) == 0
	}
	for range 600 {
		if w.over() {
			break
		}
		progress := false
		must(t, w.c.Tick())
		if deaths > 0 && random.IntN(25) == 0 {
			deaths--
			must(t, w.c.Close())
			w.openCoordinator()
		}
		for i, p := range w.parties {
			m := list[i]
			if m.dead && random.IntN(6) == 0 {
				w.bury(m)
				if deaths--; deaths > 0 {
					m.at, m.after = m.calls+1+random.IntN(25), random.IntN(2) == 0
				}
			}
			if m.dead {
				continue
			}
			moved, err := p.node.Step(ctx)
			if err != nil && !m.dead && !errors.Is(err, ErrStopped) {
				t.Fatalf("%s: %s: %v", name, p.name, err)
			}
			progress = progress || moved
		}
		if !progress && !w.wake() {
			w.now = w.now.Add(20 * time.Minute)
		}
	}
	for _, m := range list {
		if m.dead {
			w.bury(m)
		}
	}
	stopped := 0
	for i, p := range w.parties {
		charged := w.bookkeeper(i).Charged(p.node.job)
		if len(charged) != len(p.node.Issued()) || len(charged) > w.card.Model.Rounds+Spares {
			t.Errorf("%s: node %d charged %d and issued %v", name, i, len(charged), p.node.Issued())
		}
		for key := range list[i].shares {
			var sort, attempt uint64
			if _, err := fmt.Sscan(key, &sort, &attempt); err != nil || charged[attempt] == "" {
				t.Errorf("%s: node %d sent a share of attempt %d without a charge", name, i, attempt)
			}
		}
		if p.node.Stopped() != "" {
			stopped++
		}
	}
	switch {
	case stopped == 0:
		if w.sameModel().Coefficients.Hash() != w.pooled().Coefficients.Hash() {
			t.Errorf("%s: another model than the pooled", name)
		}
		return true
	case w.c.Status().Burnt <= Spares:
		for _, p := range w.parties {
			t.Errorf("%s: %s stopped with spares left: %q, %+v", name, p.name, p.node.Stopped(), w.c.Status())
		}
	}
	return false
}
