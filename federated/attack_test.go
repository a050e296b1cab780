package federated

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// evil is a coordinator in the middle of one node's wire: it changes what the node
// polls, and what it posts.
type evil struct {
	wire
	items func(Item) []Item
	post  func(Posting) Posting
}

func (e *evil) Poll(ctx context.Context, from Place) ([]Item, Place, error) {
	items, next, err := e.wire.Poll(ctx, from)
	if e.items == nil || err != nil {
		return items, next, err
	}
	for i, it := range items {
		changed := e.items(e.whole(ctx, it, Place{next.Epoch, next.At - len(items) + i}))
		items[i] = changed[0]
	}
	return items, next, nil
}

// whole puts the bytes of a large item inline, so that it can be changed.
func (e *evil) whole(ctx context.Context, it Item, at Place) Item {
	if it.Body == nil {
		it.Body, _ = e.wire.Fetch(ctx, at)
	}
	return it
}

func (e *evil) Post(ctx context.Context, p Posting) error {
	if e.post != nil {
		p = e.post(p)
	}
	return e.wire.Post(ctx, p)
}

// noModel wants no model and no share at any node.
func (w *world) noModel(shares bool) {
	w.t.Helper()
	for _, p := range w.parties {
		if p.node == nil {
			continue
		}
		if p.node.Model() != nil {
			w.t.Errorf("%s has a model", p.name)
		}
		if n := len(p.node.Issued()); n > 0 && !shares {
			w.t.Errorf("%s issued %d shares", p.name, n)
		}
	}
}

// turns gives so many turns, with time passing when nothing happens.
func (w *world) turns(n int, wait time.Duration) {
	w.t.Helper()
	for range n {
		if !w.turn() {
			w.now = w.now.Add(wait)
		}
	}
}

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

// opening is an OPEN that the coordinator signs, of its own choice.
func (w *world) opening(o secagg.Open) secagg.Message {
	w.t.Helper()
	r, err := secagg.NewRelay(w.c.params, w.c.roster, w.coord, o, secagg.Memory{})
	must(w.t, err)
	m, err := r.Message(secagg.PhaseOpen, secagg.Coordinator)
	must(w.t, err)
	return m
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

// A second job on the snapshot, with one party fewer or another, is refused; where the
// operator allows it, it is charged in full.
func TestAttackSecondJobOnSnapshot(t *testing.T) {
	w := newWorld(t, 1, 12).openNodes().run()
	w.sameModel()
	second := *w.card
	second.Nodes = append([]Member(nil), w.card.Nodes...)
	puppet, owner := newKey(t), newKey(t)
	second.Nodes[2] = Member{Name: "node-2", Organisation: "Puppet", Key: KeyOf(puppet.Public().(ed25519.PublicKey)), Owner: KeyOf(owner.Public().(ed25519.PublicKey))}
	must(t, second.check())
	w.card = &second
	w.kill(0)
	w.parties[0].dir = filepath.Join(w.dir, "node-0", "second")
	_, err := OpenNode(ctx, w.options(0))
	mustBe(t, err, ErrSnapshot)

	w.parties[0].limits.SecondJob = true
	w.parties[2].key, w.parties[2].owner = puppet, owner
	w.parties[2].dir, w.parties[1].dir = filepath.Join(w.dir, "node-2", "second"), filepath.Join(w.dir, "node-1", "second")
	w.parties[1].limits.SecondJob, w.parties[2].limits.SecondJob = true, true
	spent := w.parties[0].ledger.Spent(testTown + "/life").Rho
	w.c, err = OpenCoordinator(CoordinatorOptions{Dir: filepath.Join(w.dir, "second"), Card: &second, Key: w.coord, Now: w.clock})
	must(t, err)
	for i := range w.parties {
		w.kill(i)
		w.openNode(i)
	}
	w.run()
	w.sameModel()
	if now := w.parties[0].ledger.Spent(testTown + "/life").Rho; now != 2*spent {
		t.Errorf("the second job cost %d, the first %d", now-spent, spent)
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

// A coordinator that serves one phase's bytes stale, flipped, cut or empty gets no
// share out of it, and the job ends right when it stops.
func TestAttackStaleBytes(t *testing.T) {
	for _, change := range []struct {
		name string
		do   func([]byte) []byte
	}{
		{"flipped", func(b []byte) []byte { b = bytes.Clone(b); b[len(b)/2] ^= 4; return b }},
		{"cut", func(b []byte) []byte { return b[:len(b)-1] }},
		{"empty", func([]byte) []byte { return []byte{} }},
		{"long", func(b []byte) []byte { return append(bytes.Clone(b), 0) }},
	} {
		w := newWorld(t, 1, 12)
		hits := 0
		w.parties[0].transport = &evil{wire: wire{w}, items: func(it Item) []Item {
			if it.Attempt == 1 && it.Node == 1 && it.Sort >= SortMessage && it.Phase != secagg.PhaseOpen {
				it.Body = change.do(it.Body)
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
			t.Errorf("%s: the attempt was charged", change.name)
		}
	}
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
	must(t, n.takeMessage(n.try, second))
	if !strings.Contains(n.Stopped(), "two messages") {
		t.Fatalf("%q", n.Stopped())
	}
	if _, err := os.Stat(filepath.Join(w.parties[0].dir, "evidence-HELLO-1")); err != nil {
		t.Error(err)
	}
	mustBe(t, w.c.Post(Posting{SortMessage, 1, second.Append(nil)}), secagg.ErrEvidence)
}

// resigned is a message with another payload, signed by its sender.
func (w *world) resigned(m secagg.Message, key ed25519.PrivateKey) secagg.Message {
	w.t.Helper()
	m.Body = bytes.Clone(m.Body)
	m.Body[0] ^= 1
	m.Payload = sha(m.Body)
	copy(m.Sig[:], ed25519.Sign(key, signedText(m)))
	must(w.t, m.Statement.Verify(w.card.Roster()))
	return m
}

// The node's numbers are nowhere at the coordinator: not in its files, and not in what
// it holds of messages. The canary is a node's exact vector, in every encoding that a
// slip would use.
func TestAttackCanary(t *testing.T) {
	w := newWorld(t, 1, 12).openNodes().run()
	w.sameModel()
	n := w.parties[0].node
	data, err := n.work.NewData(w.parties[0].rows)
	must(t, err)
	sums, err := n.work.Encode(data, 0, n.work.Start())
	must(t, err)
	noise, err := n.work.DrawNoise(0)
	must(t, err)
	values, err := sums.Noisy(noise)
	must(t, err)
	var canaries [][]byte
	for _, v := range values {
		if v > 1<<20 || v < -1<<20 {
			canaries = append(canaries, binary.LittleEndian.AppendUint64(nil, uint64(v)), binary.BigEndian.AppendUint64(nil, uint64(v)), fmt.Append(nil, v))
		}
	}
	if len(canaries) < 9 {
		t.Fatalf("only %d canaries", len(canaries))
	}
	found := func(root string) (hits int) {
		must(t, filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			b, err := os.ReadFile(path)
			for _, c := range canaries {
				if bytes.Contains(b, c) {
					hits++
				}
			}
			return err
		}))
		return hits
	}
	if hits := found(filepath.Join(w.dir, "coordinator")); hits > 0 {
		t.Errorf("%d numbers of a node are at the coordinator", hits)
	}
	must(t, os.WriteFile(filepath.Join(w.dir, "coordinator", "slip"), canaries[0], 0o600))
	if found(filepath.Join(w.dir, "coordinator")) == 0 {
		t.Error("the search finds nothing")
	}
	sum, err := (folder(filepath.Join(w.parties[0].dir, attemptName(1)))).Get("sum")
	must(t, err)
	must(t, filepath.WalkDir(filepath.Join(w.dir, "coordinator"), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, sum[:64]) {
			t.Errorf("the sum is in %s", path)
		}
		return err
	}))
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
	mustBe(t, b.Room(ctx, w.card.Job, w.card.Purpose, w.parties[0].node.whole), ErrRefused)
	big := w.parties[0].node.whole
	big.Rho = 3e12
	mustBe(t, w.bookkeeper(0).Room(ctx, w.card.Job, w.card.Purpose, big), ErrRefused)
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
