package federated

import (
	"bytes"
	"context"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// A node put back, with its ledger, to before a share that its peers have: they see it
// at its next HELLO, stop, and no share of theirs follows.
func TestAttackRestoredBackupAnswers(t *testing.T) {
	w := newWorld(t, 1, 12)
	for i := range w.parties {
		w.parties[i].transport = &evil{wire: wire{w}, items: func(it Item) []Item {
			if it.Attempt == 1 && it.Sort == SortPart && it.Kind == secagg.Sealed {
				it.Body = []byte{0} // attempt 1 is burnt
			}
			return []Item{it}
		}}
	}
	w.openNodes()
	for w.parties[0].node.try == nil || w.parties[0].node.try.phase < secagg.PhaseConfirm {
		w.turn()
	}
	home, backup := filepath.Join(w.dir, "node-0"), filepath.Join(w.dir, "backup")
	copyDir(t, home, backup)
	for w.turn() {
	}
	if len(w.parties[0].node.Issued()) != 1 {
		t.Fatal("no share was issued")
	}
	w.kill(0)
	must(t, w.parties[0].ledger.Close())
	copyDir(t, backup, home)
	w.openLedger(0, false)
	w.openNode(0)
	w.turns(60, 2*time.Hour)
	for i := 1; i < 3; i++ {
		n := w.parties[i].node
		if !strings.Contains(n.Stopped(), "ledger went back") || len(n.Issued()) != 1 {
			t.Errorf("node %d: %q, %d shares", i, n.Stopped(), len(n.Issued()))
		}
	}
}

// A coordinator put back to an earlier time gets again what it lacks, and the job ends
// right with one share per attempt.
func TestCrashCoordinatorFromBackup(t *testing.T) {
	w := newWorld(t, 1, 12)
	list := w.mortals()
	home, backup := filepath.Join(w.dir, "coordinator"), filepath.Join(w.dir, "backup")
	for w.parties[0].node.try == nil || w.parties[0].node.try.phase < secagg.PhaseConfirm {
		w.turn()
	}
	copyDir(t, home, backup)
	for len(w.parties[0].node.Issued()) == 0 || len(w.parties[1].node.Issued()) == 0 {
		w.turn()
	}
	must(t, w.c.Close())
	copyDir(t, backup, home)
	w.openCoordinator()
	w.run()
	w.sameModel()
	w.booksAgree(list, "a coordinator from a backup")
	if s := w.c.Status(); s.Attempt != 1 {
		t.Errorf("%+v", s)
	}
}

// A coordinator put back to before the last results gets them again from nodes that are
// done, opened anew or not, and the node that still waits for them is done too.
func TestCrashCoordinatorFromBackupAtTheEnd(t *testing.T) {
	w := newWorld(t, 1, 12)
	home, backup := filepath.Join(w.dir, "coordinator"), filepath.Join(w.dir, "backup")
	deaf, kept := true, false
	w.parties[2].transport = &evil{wire: wire{w}, items: func(it Item) []Item {
		if deaf && it.Sort == SortMessage && it.Phase == secagg.PhaseResult && it.Node != 2 {
			it.Sort = 0
		}
		return []Item{it}
	}}
	for i := range w.parties {
		post := w.parties[i].transport
		if post == nil {
			post = wire{w}
		}
		w.parties[i].transport = announced{post, func(p Posting) {
			if p.Sort == SortMessage && secagg.Phase(p.Body[0]) == secagg.PhaseResult && !kept {
				kept = true
				copyDir(t, home, backup)
			}
		}}
	}
	w.openNodes()
	for !w.parties[0].node.Done() || !w.parties[1].node.Done() {
		w.turn()
	}
	must(t, w.c.Close())
	copyDir(t, backup, home)
	deaf = false
	w.openCoordinator()
	w.restart(1)
	w.run()
	w.sameModel()
	w.charged(1)
	if s := w.c.Status(); !s.Done || s.Attempt != 1 {
		t.Errorf("%+v", s)
	}
}

// A coordinator put back by rounds gets the rounds again from what the nodes have stored,
// while they are in a later one, or done, and opened anew; no attempt is charged for it.
func TestCrashCoordinatorFromBackupByRounds(t *testing.T) {
	for _, done := range []bool{false, true} {
		w := newWorld(t, 3, 12).openNodes()
		home, backup := filepath.Join(w.dir, "coordinator"), filepath.Join(w.dir, "backup")
		for w.c.Status().Attempt < 1 {
			w.turn()
		}
		copyDir(t, home, backup)
		for w.parties[0].node.Round() < 2 {
			w.turn()
		}
		if done {
			w.run()
		}
		must(t, w.c.Close())
		copyDir(t, backup, home)
		w.openCoordinator()
		if done {
			w.restart(2)
		}
		for range 200 {
			if !w.turn() {
				w.now = w.now.Add(30 * time.Second)
			}
		}
		w.sameModel()
		w.charged(3)
		if s := w.c.Status(); !s.Done || s.Burnt != 0 {
			t.Errorf("%+v", s)
		}
	}
}

// announced tells of a posting before it is made.
type announced struct {
	Transport
	before func(Posting)
}

func (c announced) Post(ctx context.Context, p Posting) error {
	c.before(p)
	return c.Transport.Post(ctx, p)
}

// Whatever bytes are posted or served, nothing panics and nothing is let in: 20,000
// garbled postings and items here, and the parsers' own fuzzing in secagg.
func TestAttackGarbled(t *testing.T) {
	w := newWorld(t, 1, 12)
	var real [][]byte
	w.parties[0].transport = &evil{wire: wire{w}, post: func(p Posting) Posting {
		real = append(real, append([]byte{byte(p.Sort)}, p.Body...))
		return p
	}}
	w.openNodes()
	for w.parties[1].node.try == nil || w.parties[1].node.try.phase < secagg.PhaseCT {
		w.turn()
	}
	random := rand.New(rand.NewPCG(5, 6))
	n, before := w.parties[1].node, w.c.Status()
	for i := range 10000 {
		b := bytes.Clone(real[i%len(real)])
		switch random.IntN(4) {
		case 0:
			b[random.IntN(len(b))] ^= 1 << random.IntN(8)
		case 1:
			b = b[:1+random.IntN(len(b))]
		case 2:
			b = append(b, byte(i))
		case 3:
			b[0], b[len(b)/2] = byte(random.IntN(8)), b[len(b)/2]^0x40
		}
		p := Posting{Sort(b[0]), uint64(random.IntN(3)), b[1:]}
		_ = w.c.Post(p)
		it := Item{Sort: p.Sort, Attempt: p.Attempt, Phase: secagg.Phase(random.IntN(12)), Kind: secagg.Kind(random.IntN(5)), Node: random.IntN(5) - 1, Body: p.Body}
		if it.Sort == SortEnd {
			continue // a coordinator may end the job in any words
		}
		if err := n.handle(context.Background(), it); err != nil {
			t.Fatal(err)
		}
	}
	if after := w.c.Status(); after.Attempt != before.Attempt || after.Ended != "" || n.Stopped() != "" {
		t.Fatalf("%+v, %q", after, n.Stopped())
	}
	w.run()
	w.sameModel()
	w.charged(1)
}
