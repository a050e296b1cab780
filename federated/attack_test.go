package federated

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// A coordinator that pads the roster with nodes of its own has another card, whose
// digest the honest owners never signed: their approvals do not verify on it, and a
// node under the true card takes no OPEN of the padded one.
func TestAttackPaddedRoster(t *testing.T) {
	w := newWorld(t, 1, 12)
	padded := *w.card
	padded.Nodes = append([]Member(nil), w.card.Nodes[:1]...)
	keys := []ed25519.PrivateKey{w.parties[0].key, newKey(t), newKey(t)}
	for i := 1; i < 3; i++ {
		m := w.card.Nodes[i]
		m.Key, m.Owner = KeyOf(keys[i].Public().(ed25519.PublicKey)), KeyOf(newKey(t).Public().(ed25519.PublicKey))
		padded.Nodes = append(padded.Nodes, m)
	}
	must(t, padded.check())
	a, err := Approve(w.card, "node-0", w.parties[0].owner)
	must(t, err)
	mustBe(t, a.Verify(&padded), ErrApproval)
	o := w.options(0)
	o.Card = &padded
	_, err = OpenNode(ctx, o)
	mustBe(t, err, ErrApproval)

	// The coordinator runs the padded card, and shows the honest node every OPEN of it.
	c, err := OpenCoordinator(CoordinatorOptions{Dir: filepath.Join(w.dir, "evil"), Card: &padded, Key: w.coord, Now: w.clock})
	must(t, err)
	job, err := padded.Digest()
	must(t, err)
	for i := range 3 {
		word, err := makeNotice(job, padded.Nodes[i].Name, NoticeReady, "", keys[i])
		must(t, err)
		must(t, c.heed(i, word))
		c.approve[i] = true
	}
	must(t, c.Tick())
	w.c = c
	w.openNode(0)
	w.turns(10, time.Minute)
	if h := w.parties[0].node.journal.Highest(); h != 0 {
		t.Errorf("the honest node took part in attempt %d", h)
	}
}

// A node does not begin while one approval is missing, forged, or of another card,
// whatever the coordinator opens.
func TestAttackMissingApproval(t *testing.T) {
	w := newWorld(t, 1, 12)
	forged, err := Approve(w.card, "node-2", w.parties[2].owner)
	must(t, err)
	forged.Signature, err = signText(w.coord, approvalTag, forged.said())
	must(t, err)
	b, err := canonical(forged)
	must(t, err)
	for i := range w.parties {
		w.parties[i].transport = &evil{wire: wire{w}, items: func(it Item) []Item {
			if it.Sort == SortApproval && it.Node == 2 {
				it.Body = b
			}
			return []Item{it}
		}}
	}
	w.openNodes().turns(40, time.Minute)
	w.noModel(false)
	for _, p := range w.parties {
		if p.node.journal.Highest() != 0 {
			t.Errorf("%s took part without all approvals", p.name)
		}
	}
	mustBe(t, forged.Verify(w.card), ErrApproval)
}

// A node that is given another model to start from than the one it computed itself
// takes no part, so its numbers are never at coefficients of the coordinator's choice.
func TestAttackDifferentModels(t *testing.T) {
	w := newWorld(t, 2, 12).openNodes()
	for w.parties[1].node.Round() < 1 || w.c.Status().Phase != secagg.PhaseHello {
		w.turn()
		if w.over() {
			t.Fatal("the job is over")
		}
	}
	n := w.parties[1].node
	before := n.journal.Highest()
	for _, change := range []func(*secagg.Open){
		func(o *secagg.Open) { o.Model[0] ^= 1 },
		func(o *secagg.Open) { o.Round = 0 },
		func(o *secagg.Open) { o.Round = 2 },
		func(o *secagg.Open) { o.Job[0] ^= 1 },
		func(o *secagg.Open) { o.Length-- },
	} {
		open := secagg.Open{Job: n.job, Model: n.beta.Hash(), Round: uint32(n.round), Attempt: before + 100, Length: uint32(n.plan.Cells())}
		change(&open)
		must(t, n.takeOpen(ctx, w.opening(open)))
		if n.journal.Highest() != before {
			t.Fatalf("took %+v", open)
		}
	}
	w.run()
	w.sameModel()
}

// An OPEN that was used, or is below one that was, opens nothing again, after a
// restart neither.
func TestAttackReplayedAttempt(t *testing.T) {
	w := newWorld(t, 2, 12).openNodes()
	for w.parties[0].node.Round() < 1 {
		w.turn()
	}
	for range 2 {
		n := w.parties[0].node
		high := n.journal.Highest()
		for a := uint64(0); a <= high; a++ {
			open := secagg.Open{Job: n.job, Model: n.beta.Hash(), Round: uint32(n.round), Attempt: a, Length: uint32(n.plan.Cells())}
			tried := n.try
			must(t, n.takeOpen(ctx, w.opening(open)))
			if n.try != tried || n.journal.Highest() != high {
				t.Fatalf("attempt %d was opened again", a)
			}
		}
		w.restart(0)
	}
	w.run()
	w.sameModel()
}

// Messages and parts of another round, attempt or job, in place of the right ones,
// change nothing but time: no attempt with them gets over the barrier.
func TestAttackReplayAcrossRounds(t *testing.T) {
	w := newWorld(t, 2, 12)
	kept := map[string][]byte{}
	evils := 0
	w.parties[0].transport = &evil{wire: wire{w}, items: func(it Item) []Item {
		if it.Sort != SortMessage && it.Sort != SortPart || it.Phase == secagg.PhaseOpen && it.Sort == SortMessage {
			return []Item{it}
		}
		key := fmt.Sprint(it.Sort, it.Phase, it.Kind, it.Node, it.Chunk)
		if old, ok := kept[key]; ok && it.Attempt == 2 {
			it.Body = old
			evils++
		} else if it.Attempt == 1 {
			kept[key] = it.Body
		}
		return []Item{it}
	}}
	w.openNodes().run()
	if evils == 0 {
		t.Fatal("nothing was replayed")
	}
	w.sameModel()
	for _, p := range w.parties {
		if _, ok := w.bookkeeper(0).Charged(p.node.job)[2]; ok {
			t.Error("an attempt with replayed messages was charged")
		}
	}
	if got := len(w.parties[0].node.Issued()); got != 2 {
		t.Errorf("%d shares", got)
	}
}

// After a node is lost the others aggregate nothing without it: the roster is the
// card's, and a smaller roster is another job.
func TestAttackSmallerAfterDrop(t *testing.T) {
	w := newWorld(t, 2, 12).openNodes()
	for w.parties[0].node.Round() < 1 || w.parties[1].node.Round() < 1 {
		w.turn()
	}
	w.kill(2)
	n := w.parties[0].node
	smaller := w.c.roster
	smaller.Nodes = append([]secagg.Node(nil), smaller.Nodes[:2]...)
	smaller.Nodes = append(smaller.Nodes, secagg.Node{Name: "puppet", Organisation: "puppets", Key: newKey(t).Public().(ed25519.PublicKey)})
	r, err := secagg.NewRelay(w.c.params, smaller, w.coord, secagg.Open{
		Job: n.job, Model: n.beta.Hash(), Round: 1, Attempt: n.journal.Highest() + 1, Length: uint32(n.plan.Cells()),
	}, secagg.Memory{})
	must(t, err)
	m, err := r.Message(secagg.PhaseOpen, secagg.Coordinator)
	must(t, err)
	high := n.journal.Highest()
	must(t, n.takeOpen(ctx, m))
	if n.journal.Highest() != high {
		t.Fatal("a smaller roster was opened")
	}
	issued := len(n.Issued())
	w.turns(60, time.Hour)
	if len(n.Issued()) > issued+1 || n.Model() != nil {
		t.Errorf("%d shares after the drop", len(n.Issued())-issued)
	}
}

// A coordinator that serves bytes of a phase, or of all, stale, flipped, cut or empty
// gets no share out of it, and the job ends right when it stops.
func TestAttackStaleBytes(t *testing.T) {
	flip := func(b []byte) []byte { b = bytes.Clone(b); b[len(b)/2] ^= 4; return b }
	for _, do := range []func([]byte) []byte{
		flip,
		func(b []byte) []byte { return b[:len(b)-1] },
		func([]byte) []byte { return []byte{} },
		func(b []byte) []byte { return append(bytes.Clone(b), 0) },
	} {
		stale(t, func(it Item) bool { return it.Phase != secagg.PhaseOpen || it.Sort == SortPart }, do)
	}
	for f := secagg.PhaseHello; f <= secagg.PhaseConfirm; f++ {
		stale(t, func(it Item) bool { return it.Sort == SortMessage && it.Phase == f }, flip)
	}
	stale(t, func(it Item) bool { return it.Sort == SortPart && it.Kind == secagg.C1 }, flip)
}

// stale serves node 0 changed bytes of node 1 in the first attempt.
func stale(t *testing.T, which func(Item) bool, change func([]byte) []byte) {
	t.Helper()
	w := newWorld(t, 1, 12)
	hits, first := 0, Item{}
	w.parties[0].transport = &evil{wire: wire{w}, items: func(it Item) []Item {
		if it.Attempt == 1 && it.Node == 1 && it.Sort >= SortMessage && it.Sort != SortEnd && which(it) {
			first = it
			it.Body = change(it.Body)
			hits++
		}
		return []Item{it}
	}}
	w.openNodes().run()
	if hits == 0 {
		t.Fatal("nothing was changed")
	}
	w.sameModel()
	if _, ok := w.bookkeeper(0).Charged(w.parties[0].node.job)[1]; ok {
		t.Errorf("sort %d, %v: the attempt was charged", first.Sort, first.Phase)
	}
	w.close()
}

// A node that signs two messages for one phase is shown to everyone who sees both: the
// job stops, and both are kept.
func TestAttackTwoMessages(t *testing.T) {
	w := newWorld(t, 1, 12)
	w.openNodes()
	for w.parties[0].node.try == nil || w.parties[0].node.try.phase != secagg.PhaseKeyCom {
		w.turn()
	}
	n := w.parties[0].node
	hello, err := n.try.store.Get(messageName(secagg.PhaseHello, 1))
	must(t, err)
	m, err := n.shape().ParseMessage(bytes.Clone(hello))
	must(t, err)
	second := w.resigned(m, w.parties[1].key)
	must(t, n.takeMessage(n.try, second, func() {}))
	if !strings.Contains(n.Stopped(), "two messages") {
		t.Fatalf("%q", n.Stopped())
	}
	if _, err := os.Stat(filepath.Join(w.parties[0].dir, "evidence-HELLO-1")); err != nil {
		t.Error(err)
	}
	mustBe(t, w.c.Post(Posting{SortMessage, 1, second.Append(nil)}), secagg.ErrEvidence)
}

// A lying node's result, or a node that says it has stopped, ends the job everywhere
// with the reason.
func TestAttackNodeStops(t *testing.T) {
	w := newWorld(t, 2, 12)
	w.parties[0].transport = &evil{wire: wire{w}, items: func(it Item) []Item {
		if it.Sort == SortEnd {
			it.Sort = 0 // the node's own word is enough
		}
		return []Item{it}
	}}
	w.openNodes()
	for w.parties[2].node.Round() < 1 {
		w.turn()
	}
	must(t, w.parties[2].node.Stop("by its operator"))
	w.turns(20, time.Minute)
	for _, p := range w.parties {
		if !strings.Contains(p.node.Stopped(), "by its operator") {
			t.Errorf("%s: %q", p.name, p.node.Stopped())
		}
	}
	if s := w.c.Status(); !strings.Contains(s.Ended, "by its operator") {
		t.Errorf("%+v", s)
	}
	w.restart(2)
	if _, err := w.parties[2].node.Step(ctx); err == nil {
		t.Error("a stopped node goes on after a restart")
	}
}
