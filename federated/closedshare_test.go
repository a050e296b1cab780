package federated

import (
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// A node that wraps its share's key wrongly for one other, who alone can see it: the
// other keeps the signed SHARE, says whose it is, and nobody waits for a sum that it
// cannot make.
func TestAttackShareClosedToOne(t *testing.T) {
	w := newWorld(t, 2, 12)
	first := w.parties[0]
	first.transport = &evil{wire: wire{w}, items: func(it Item) []Item {
		if it.Sort == SortMessage && it.Phase == secagg.PhaseShare && it.Node == 0 {
			it = Item{Sort: SortApproval, Body: []byte("x")} // it would see two messages of its own
		}
		return []Item{it}
	}, post: func(p Posting) Posting {
		m, err := w.c.shape().ParseMessage(p.Body)
		if p.Sort != SortMessage || err != nil || m.Phase != secagg.PhaseShare {
			return p
		}
		m.Body = append([]byte(nil), m.Body...)
		m.Body[48*2] ^= 1 // the key's wrap for node 2
		p.Body = w.resigned(m, first.key).Append(nil)
		return p
	}}
	w.openNodes()
	start := w.now
	w.run()
	victim := w.parties[2].node
	if !strings.Contains(victim.Stopped(), "node-0: its share does not open here") {
		t.Fatalf("it stopped with %q", victim.Stopped())
	}
	b, err := victim.dir.Get("evidence-SHARE-0")
	must(t, err)
	m, err := victim.shape().ParseMessage(b)
	must(t, err)
	must(t, m.Verify(w.card.Roster()))
	for _, p := range w.parties {
		if p.node.Done() || p.node.Stopped() == "" || w.now.Sub(start) > time.Hour {
			t.Errorf("%s: done %v, stopped %q after %v", p.name, p.node.Done(), p.node.Stopped(), w.now.Sub(start))
		}
	}
}

// A node that has a part of the sum and never says so holds the job up for so many share
// deadlines, not until its last day.
func TestSumIsNotWaitedForForEver(t *testing.T) {
	w := newWorld(t, 1, 12)
	w.parties[2].transport = &evil{wire: wire{w}, items: func(it Item) []Item {
		if it.Sort == SortPart && it.Kind == secagg.Sealed {
			it.Body = []byte{0}
		}
		return []Item{it}
	}}
	w.openNodes()
	for !w.c.summed() {
		w.turn()
	}
	for w.turn() {
	}
	w.now = w.now.Add((Waits - 1) * time.Hour)
	w.turns(5, 0)
	if got := w.c.Status().Ended; got != "" {
		t.Fatalf("it ended with %q", got)
	}
	w.now = w.now.Add(2 * time.Hour)
	w.turns(5, 0)
	if got := w.c.Status().Ended; got != "a node did not report the sum that others have" {
		t.Fatalf("it ended with %q", got)
	}
}
