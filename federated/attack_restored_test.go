package federated

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// paused polls nothing while the coordinator is slow.
type paused struct {
	Transport
	now func() bool
}

func (p paused) Poll(ctx context.Context, from Place) ([]Item, Place, error) {
	if p.now() {
		return nil, from, nil
	}
	return p.Transport.Poll(ctx, from)
}

// restoredAfterShare burns attempt 1, in which node 2 is killed before its share and node
// 0 shares; then node 0 is put back, with its ledger, to before its charge. Node 1 gets
// node 0's SHARE of attempt 1 at once, or not at all. It is returned.
func restoredAfterShare(t *testing.T, late bool) (w *world, share secagg.Message) {
	w = newWorld(t, 1, 12)
	hold := true
	for i := range w.parties {
		w.parties[i].transport = paused{&evil{wire: wire{w}, items: func(it Item) []Item {
			if i == 1 && it.Attempt == 1 && it.Sort == SortMessage && it.Phase == secagg.PhaseShare && it.Node == 0 {
				var err error
				share, err = w.parties[1].node.shape().ParseMessage(bytes.Clone(it.Body))
				must(t, err)
				if late {
					it.Sort = 0
				}
			}
			return []Item{it}
		}}, func() bool { return hold && w.c.Status().Phase >= secagg.PhaseShare }}
	}
	w.openNodes()
	for w.c.Status().Phase < secagg.PhaseShare {
		w.turn()
	}
	w.kill(2) // all have confirmed, nobody has shared
	if len(w.parties[0].node.Issued()) != 0 {
		t.Fatal("too late")
	}
	home, backup := filepath.Join(w.dir, "node-0"), filepath.Join(w.dir, "backup")
	copyDir(t, home, backup)
	hold = false
	for w.turn() {
	}
	if len(w.parties[0].node.Issued()) != 1 || share.Body == nil {
		t.Fatal("no share was issued and seen")
	}
	w.kill(0)
	must(t, w.parties[0].ledger.Close())
	copyDir(t, backup, home)
	w.openLedger(0, false)
	w.openNode(0)
	w.restart(2)
	return w, share
}

// A node restored from a backup shows the very mark of the attempt that it shared in,
// also where not everybody has shared: who saw its SHARE goes no further with it.
func TestAttackRestoredAfterPartialShares(t *testing.T) {
	w, _ := restoredAfterShare(t, false)
	w.turns(80, 2*time.Hour)
	if s := w.parties[1].node.Stopped(); !strings.Contains(s, "a ledger went back") {
		t.Errorf("node 1 saw node 0's share of attempt 1 and takes the same mark again: %q, done %v", s, w.parties[1].node.Done())
	}
}

// The same if its SHARE comes late, when it has shown its mark again.
func TestAttackRestoredLateShare(t *testing.T) {
	w, share := restoredAfterShare(t, true)
	n := w.parties[1].node
	for n.try == nil || n.try.number < 2 || !n.try.seen {
		if n.Stopped() != "" {
			t.Fatal(n.Stopped())
		}
		if !w.turn() {
			w.now = w.now.Add(2 * time.Hour)
		}
	}
	must(t, n.takeMessage(n.tried(1), share, func() {}))
	if s := n.Stopped(); !strings.Contains(s, "a ledger went back") {
		t.Errorf("node 1 passes over a share that is not charged: %q", s)
	}
}
