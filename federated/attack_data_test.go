package federated

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// A second job on the snapshot with one party fewer, whose sums would show that party's
// beside the first's, is refused; where the operator allows it, it is charged in full.
func TestAttackSecondJobOnSnapshot(t *testing.T) {
	w := newWorldFor(t, []string{"North Mutual", "South Life", "Pharma East", "West Health"}, 1, 12, nil).openNodes().run()
	w.sameModel()
	second := *w.card
	second.Nodes = append([]Member(nil), w.card.Nodes[:3]...)
	must(t, second.check())
	w.card = &second
	for i := range w.parties {
		w.kill(i)
	}
	must(t, w.parties[3].ledger.Close())
	w.parties = w.parties[:3]
	for i, p := range w.parties {
		p.dir = filepath.Join(w.dir, p.name, "second")
		_, err := OpenNode(ctx, w.options(i))
		mustBe(t, err, ErrSnapshot)
	}

	spent := w.parties[0].ledger.Spent(testTown + "/life").Rho
	must(t, w.c.Close())
	var err error
	w.c, err = OpenCoordinator(CoordinatorOptions{Dir: filepath.Join(w.dir, "second"), Card: &second, Key: w.coord, Now: w.clock})
	must(t, err)
	for i, p := range w.parties {
		p.limits.SecondJob = true
		w.openNode(i)
	}
	w.run()
	w.sameModel()
	for _, p := range w.parties {
		if now := p.ledger.Spent(testTown + "/life").Rho; now < 2*spent-1000 || now > 2*spent+1000 {
			t.Errorf("the second job cost %d, the first %d", now-spent, spent)
		}
	}
}

// The same attempt, demanded again after the node's folder was put back to before its
// share: the ledger has the charge, so the journal does not open.
func TestAttackSecondShare(t *testing.T) {
	w := newWorld(t, 1, 12)
	backup := filepath.Join(w.dir, "backup")
	list := w.mortals()
	for w.parties[0].node.try == nil || w.parties[0].node.try.phase < secagg.PhaseConfirm {
		w.turn()
	}
	copyDir(t, w.parties[0].dir, backup)
	for len(w.parties[0].node.Issued()) == 0 {
		w.turn()
	}
	first := list[0].shares
	w.kill(0)
	copyDir(t, backup, w.parties[0].dir)
	must(t, w.parties[0].ledger.Close())
	w.openLedger(0, false)
	_, err := OpenNode(ctx, w.options(0))
	if err == nil {
		t.Fatalf("a folder from before the share opens: %d shares were out", len(first))
	}
}

// A node whose folder and ledger were both put back to before its share is noticed by
// its peers: its ledger has not grown by the charge they saw it make.
func TestAttackRestoredBackup(t *testing.T) {
	w := newWorld(t, 2, 12).openNodes()
	for w.parties[0].node.try == nil || w.parties[0].node.try.phase < secagg.PhaseConfirm {
		w.turn()
	}
	home, backup := filepath.Join(w.dir, "node-0"), filepath.Join(w.dir, "backup")
	copyDir(t, home, backup)
	for len(w.parties[1].node.Issued()) == 0 || w.parties[1].node.Round() == 0 {
		w.turn()
	}
	w.kill(0)
	must(t, w.parties[0].ledger.Close())
	copyDir(t, backup, home)
	w.openLedger(0, false)
	w.openNode(0)
	w.turns(60, time.Minute)
	// It stands in round 0 without a share, so it cannot follow; were it to answer with
	// its old ledger, the others would stop.
	if w.parties[0].node.Model() != nil {
		t.Error("the restored node has a model")
	}
	n := w.parties[1].node
	mark, err := w.bookkeeper(0).Mark(ctx)
	must(t, err)
	if err := n.journal.Peers()[0].Follows(mark); err == nil {
		t.Errorf("a peer takes counter %d after %+v", mark.Counter, n.journal.Peers()[0])
	}
}

// The contract is checked at the node, which tells the field's name and nothing else.
func TestAttackDataOutsideContract(t *testing.T) {
	w := newWorld(t, 1, 12)
	w.parties[1].rows[3].Values[0] = glm.Value{Number: 7777}
	w.openNodes().turns(20, time.Minute)
	w.noModel(false)
	for _, p := range w.parties {
		if !strings.Contains(p.node.Stopped(), "age") || strings.Contains(p.node.Stopped(), "7777") {
			t.Errorf("%s: %q", p.name, p.node.Stopped())
		}
	}
}

// A node obeys its operator's windows and cap, and the ledger's.
func TestLimits(t *testing.T) {
	w := newWorld(t, 1, 12)
	w.parties[0].limits.Rho = 1e12
	_, err := OpenNode(ctx, w.options(0))
	mustBe(t, err, ErrLimit)
	w.parties[0].limits = Limits{Windows: []Window{{9 * time.Hour, 10 * time.Hour}}}
	w.openNodes()
	for w.now.Hour() < 9 {
		if w.parties[0].node.journal.Highest() > 0 {
			t.Fatal("it began outside its window")
		}
		if !w.turn() {
			w.now = w.now.Add(10 * time.Minute)
		}
	}
	w.run()
	w.sameModel()
	b := w.bookkeeper(0)
	b.Grant = "g-none"
	a := Aside{Source: w.card.Source, Purpose: w.card.Purpose, Whole: w.parties[0].node.whole}
	mustBe(t, b.Room(ctx, a), ErrRefused)
	must(t, w.bookkeeper(0).Room(ctx, a))
	a.Whole.Rho = 6e12
	mustBe(t, w.bookkeeper(0).Room(ctx, a), ErrRefused)
	mustBe(t, w.bookkeeper(0).Room(ctx, a), ErrRoom)
}

// The spares are counted by each node: with two attempts burnt beyond its own round's,
// no OPEN of whatever coordinator gets another share out of it.
func TestAttackBurningSpares(t *testing.T) {
	w := newWorld(t, 1, 12)
	withhold := 0
	for i := range w.parties {
		w.parties[i].transport = &evil{wire: wire{w}, items: func(it Item) []Item {
			if it.Sort == SortPart && it.Kind == secagg.Sealed {
				withhold++
				it.Body = []byte{0}
			}
			if it.Sort == SortEnd {
				it.Sort = 0 // this coordinator would never stop
			}
			return []Item{it}
		}}
	}
	w.openNodes().turns(300, 2*time.Hour)
	if withhold == 0 {
		t.Fatal("no share was withheld")
	}
	w.charged(1 + Spares)
	for i, p := range w.parties {
		n := p.node
		if n.Model() != nil || n.Stopped() != "" {
			t.Fatalf("node %d: %q", i, n.Stopped())
		}
		open := secagg.Open{Job: n.job, Model: n.beta.Hash(), Round: 0, Attempt: n.journal.Highest() + 1, Length: uint32(n.plan.Cells())}
		must(t, n.takeOpen(ctx, w.opening(open)))
		if !strings.Contains(n.Stopped(), "spare attempts") {
			t.Errorf("node %d goes on: %q", i, n.Stopped())
		}
	}
}
