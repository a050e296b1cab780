package federated

import (
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// aside is what node i's job has set aside, and how often.
func (w *world) aside(i int) (all []ledger.Reservation) {
	return w.parties[i].ledger.Reservations()
}

// asking is a query of the domain that would take so much of every scope.
func (w *world) asking(i int, id string, rho int64) error {
	b := w.bookkeeper(i)
	now := w.parties[i].ledger.Now()
	_, err := w.parties[i].ledger.Charge(ctx, ledger.Charge{
		ID: id, Principal: "trainer", Organisation: "x", Grant: "g-1", Purpose: w.card.Purpose, Template: "claim-frequency-features@1.0.0",
		TemplateDigest: "d", Key: "k", Snapshot: "snap-1", Scopes: b.Scopes, Cost: dp.Cost{Rho: rho}, Epoch: now.Add(8*time.Hour).Unix() / 86400, Sigmas: map[string]float64{"people": 1e9},
		Due: now.Add(time.Second), Request: "q",
	})
	return err
}

// A job that was opened cannot be starved by queries: its rounds and spares are set
// aside before its rows are read. When it is done the rest is free again.
func TestQueriesDoNotStarveAJob(t *testing.T) {
	w := newWorld(t, 2, 12).openNodes()
	whole := w.parties[0].node.whole.Rho
	if r := w.aside(0); len(r) != 1 || r[0].Cost.Rho != whole || r[0].Closed || r[0].Until != w.card.Until || r[0].Job != w.parties[0].node.job.String() {
		t.Fatalf("%+v", r)
	}
	mustBe(t, w.asking(0, "r-1", 5e12-whole+1), ledger.ErrBudget)
	must(t, w.asking(0, "r-2", 5e12-whole))
	w.run()
	w.sameModel()
	w.charged(2)
	r := w.aside(0)
	if len(r) != 1 || !r[0].Closed || r[0].Left.Rho != whole-w.parties[0].ledger.Spent(testTown+"/life").Rho+(5e12-whole) {
		t.Fatalf("after the job: %+v", r)
	}
	must(t, w.asking(0, "r-3", r[0].Left.Rho))
	mustBe(t, w.asking(0, "r-4", 1), ledger.ErrBudget)
}

// Whatever ends a job gives back what it did not use: a stop by the operator, the stop
// of another node, and a crash between the one and the other. It sets aside once.
func TestStoppedJobGivesBack(t *testing.T) {
	w := newWorld(t, 2, 12).openNodes()
	w.restart(1)
	w.restart(1)
	if r := w.aside(1); len(r) != 1 || r[0].Closed {
		t.Fatalf("after restarts: %+v", r)
	}
	must(t, w.parties[0].node.Stop("enough"))
	w.turns(5, time.Second)
	for i := range w.parties {
		if r := w.aside(i); len(r) != 1 || !r[0].Closed {
			t.Errorf("node %d: %+v", i, r)
		}
	}
	w = newWorld(t, 2, 12).openNodes()
	n := w.parties[0].node
	must(t, n.dir.Put("stopped", []byte("enough"))) // and the process dies
	w.restart(0)
	if r := w.aside(0); len(r) != 1 || !r[0].Closed {
		t.Fatalf("after a crash between the stop and the CLOSE: %+v", r)
	}
}

// Two jobs do not set the same budget aside.
func TestTwoJobsSetAside(t *testing.T) {
	w := newWorld(t, 2, 12)
	must(t, w.asking(0, "r-1", 3e12))
	w.openNodes()
	second := w.beside("claim-frequency-again")
	_, err := OpenNode(ctx, second.options(0))
	mustBe(t, err, ErrRoom)
	second.openNode(1)
	must(t, w.parties[0].node.Stop("enough"))
	second.openNode(0)
}
