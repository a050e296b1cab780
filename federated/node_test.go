package federated

import (
	"crypto/ed25519"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// A dry run is what leaves: the same lengths, and the same values but for the noise.
func TestDryRun(t *testing.T) {
	w := newWorld(t, 1, 50)
	sent := map[string]int{}
	w.parties[0].transport = &evil{wire: wire{w}, post: func(p Posting) Posting {
		switch {
		case p.Sort == SortMessage:
			sent[secagg.Phase(p.Body[0]).String()] += len(p.Body)
		case p.Sort == SortPart && secagg.Kind(p.Body[0]) == secagg.Sealed:
			sent["share"] += len(p.Body)
		case p.Sort == SortPart:
			sent["ciphertexts"] += len(p.Body)
		}
		return p
	}}
	w.openNodes()
	d, err := w.parties[0].node.DryRun()
	must(t, err)
	again, err := w.parties[0].node.DryRun()
	must(t, err)
	want, err := w.parties[0].node.noisy() // the test's plan has no noise
	must(t, err)
	for i, v := range d.Values {
		if v != want[i] || v != again.Values[i] {
			t.Fatalf("value %d is %d, it would send %d", i, v, want[i])
		}
	}
	if len(w.parties[0].node.Issued()) > 0 || len(sent) > 0 {
		t.Fatal("a dry run sent something")
	}
	w.run()
	w.sameModel()
	for _, m := range d.Messages {
		if sent[m.Name] != m.Bytes {
			t.Errorf("%s: %d bytes, the dry run says %d", m.Name, sent[m.Name], m.Bytes)
		}
		delete(sent, m.Name)
	}
	if len(sent) > 0 {
		t.Errorf("not in the dry run: %v", sent)
	}
	if s := d.String(); !strings.Contains(s, "hessian") || !strings.Contains(s, "HELLO") {
		t.Error(s)
	}
	_, err = w.parties[0].node.DryRun()
	mustBe(t, err, ErrStopped)
}

// What leaves has the node's share of the planned noise, drawn anew each time. The
// bound is six standard deviations of the 360 squares: a false alarm below 1e-7.
func TestNoiseLeaves(t *testing.T) {
	w := newWorld(t, 4, 50)
	w.noise = true
	w.openNodes()
	n, squares, count := w.parties[0].node, 0.0, 0
	for range 40 {
		d, err := n.DryRun()
		must(t, err)
		again, err := n.DryRun()
		must(t, err)
		for _, b := range d.Blocks {
			share := b.Sigma / d.Unit / math.Sqrt(float64(len(w.parties)))
			for i := b.From; i < b.To; i++ {
				z := float64(d.Values[i]-again.Values[i]) / (share * math.Sqrt2)
				squares += z * z
				count++
			}
		}
	}
	if count != 360 || math.Abs(squares-360) > 6*math.Sqrt(2*360) {
		t.Errorf("%d squares add up to %.0f", count, squares)
	}
}

// A job that would not fit the ledger with its spares is refused before anything is
// sent, and a charge that no longer fits stops the job without a share.
func TestLedgerSaysNo(t *testing.T) {
	w := newWorld(t, 2, 12)
	lower := func(i int, rho int64) {
		g, _ := w.parties[i].ledger.InForce()
		g.Life.Rho, g.Year.Rho = rho, rho
		_, err := w.parties[i].ledger.Grant(ctx, g)
		must(t, err)
	}
	lower(0, 1e12)
	_, err := OpenNode(ctx, w.options(0))
	mustBe(t, err, ErrRefused)

	w = newWorld(t, 2, 12).openNodes()
	for w.parties[1].node.try == nil || w.parties[1].node.try.phase < secagg.PhaseConfirm {
		w.turn()
	}
	lower(1, 1)
	w.turns(20, time.Minute)
	n := w.parties[1].node
	if !strings.Contains(n.Stopped(), "ledger refuses") || len(n.Issued()) > 0 || len(w.bookkeeper(1).Charged(n.job)) > 0 {
		t.Fatalf("%q, %d shares", n.Stopped(), len(n.Issued()))
	}
	if b := w.parties[0].node; !strings.Contains(b.Stopped(), "ledger refuses") {
		t.Errorf("the others: %q", b.Stopped())
	}
	if spent := w.parties[1].ledger.Spent(testTown + "/life"); spent != (dp.Cost{}) {
		t.Errorf("%+v was charged", spent)
	}
}

// An attempt whose phase takes too long ends by the node's own clock: the key is wiped
// and the others are told.
func TestOwnDeadline(t *testing.T) {
	w := newWorld(t, 1, 12).openNodes()
	for w.parties[0].node.try == nil || w.parties[0].node.try.phase < secagg.PhaseKeyOpen {
		w.turn()
	}
	n := w.parties[0].node
	a := n.try.attempt
	w.kill(1)
	w.now = w.now.Add(119 * time.Second)
	_, err := n.Step(ctx) // the coordinator keeps no deadline
	must(t, err)
	if n.try == nil {
		t.Fatal("it ended early")
	}
	w.now = w.now.Add(time.Hour)
	for range 3 {
		_, err = n.Step(ctx)
		must(t, err)
	}
	mustBe(t, a.Err(), secagg.ErrAborted)
	if got := w.c.all[1].relay.Missing(secagg.PhaseAbort); len(got) != 2 {
		t.Errorf("ABORT is missing of %v", got)
	}
	if w.c.Status().Attempt < 2 {
		t.Error("the coordinator did not begin anew")
	}
}

// A node that signs another sum or model than the others' ends the job.
func TestAttackLyingResult(t *testing.T) {
	w := newWorld(t, 2, 12)
	w.parties[2].transport = &evil{wire: wire{w}, post: func(p Posting) Posting {
		if p.Sort == SortMessage && secagg.Phase(p.Body[0]) == secagg.PhaseResult {
			m, err := w.c.shape().ParseMessage(p.Body)
			must(t, err)
			p.Body = w.resigned(m, w.parties[2].key).Append(nil)
		}
		return p
	}}
	w.parties[0].transport = &evil{wire: wire{w}, items: func(it Item) []Item {
		if it.Sort == SortEnd || it.Sort == SortNotice {
			it.Sort = 0 // it sees for itself
		}
		return []Item{it}
	}}
	w.openNodes().turns(60, time.Minute)
	for i := range 2 {
		if n := w.parties[i].node; n.Model() != nil || n.Round() > 0 || n.Stopped() == "" {
			t.Errorf("node %d is in round %d: %q", i, n.Round(), n.Stopped())
		}
	}
	if e := w.c.Status().Ended; !strings.Contains(e, "results differ") {
		t.Errorf("the coordinator: %q", e)
	}
}

// What became of an attempt is in the ledger: a RELEASE that names the sum, and an
// ABANDON for a burnt one.
func TestBooksAreClosed(t *testing.T) {
	w := newWorld(t, 2, 12).openNodes().run()
	w.sameModel()
	w.now = w.now.Add(time.Minute)
	w.turn()
	for _, r := range w.parties[0].ledger.Requests() {
		if r.Open() {
			t.Errorf("%s is open", r.Template)
		}
	}
	b, err := folder(filepath.Join(w.parties[0].dir, attemptName(2))).Get("sum")
	must(t, err)
	last := w.parties[0].ledger.Requests()[1]
	if last.Digest != sha(b).String() {
		t.Errorf("attempt 2 ended with %q, abandoned %v", last.Digest, last.Abandoned)
	}
	proof, err := w.bookkeeper(0).Proof(ctx, w.parties[0].node.job, 1, secagg.Mark{}, 0)
	must(t, err)
	if proof.Key == "" || proof.Leaf == "" {
		t.Error("no proof")
	}
	_, err = w.bookkeeper(0).Proof(ctx, w.parties[0].node.job, 77, secagg.Mark{}, 0)
	mustBe(t, err, ErrRefused)
}

// A node that stays away for a week costs attempts that become rare, and none of the
// numbers that a job has; when it comes back the job goes on.
func TestAwayForAWeek(t *testing.T) {
	w := newWorld(t, 1, 12).openNodes()
	for w.c.Status().Ready < 3 {
		w.turn()
	}
	w.kill(2)
	for end := w.now.Add(7 * 24 * time.Hour); w.now.Before(end); w.now = w.now.Add(10 * time.Minute) {
		w.turn()
	}
	if s := w.c.Status(); s.Attempt > 200 || s.Attempt < 100 {
		t.Fatalf("%d attempts in a week", s.Attempt)
	}
	w.openNode(2)
	w.run()
	w.sameModel()
	w.charged(1)
}

// A node's word is its own: a notice that the coordinator, or another node, signs in its
// name is taken by nobody.
func TestAttackForgedNotice(t *testing.T) {
	w := newWorld(t, 1, 12).openNodes()
	n := w.parties[0].node
	for _, key := range []ed25519.PrivateKey{w.coord, w.parties[1].key, w.parties[2].owner} {
		forged, err := makeNotice(n.job, "node-2", NoticeStopped, "gone", key)
		must(t, err)
		b, err := canonical(forged)
		must(t, err)
		mustBe(t, w.c.Post(Posting{Sort: SortNotice, Body: b}), ErrApproval)
		must(t, n.takeNotice(b))
		if n.Stopped() != "" {
			t.Fatalf("it believes a forged notice: %q", n.Stopped())
		}
	}
	w.run()
	w.sameModel()
}
