package ledger_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/policy/ledger/ledgertest"
)

const ledgerDir = "/domain/ledger"

// witness remembers what the ledger has said it had done.
type witness struct {
	t        testing.TB
	what     string
	disk     *ledgertest.Disk
	clock    *clock
	charged  map[string]int64 // id to leaf
	released map[string]int64
	leaves   map[int64]ledger.Type
	rho      int64
	proofs   []ledger.Proof
	fatal    int
}

func newWitness(t testing.TB, what string) *witness {
	return &witness{t: t, what: what, disk: ledgertest.NewDisk(), clock: newClock(), charged: map[string]int64{}, released: map[string]int64{},
		leaves: map[int64]ledger.Type{}}
}

func (w *witness) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("%s: %s", w.what, fmt.Sprintf(format, args...))
}

func (w *witness) open() (*ledger.Ledger, error) {
	o := options(ledgerDir, w.clock)
	o.FS, o.Fatal = w.disk, func(error) { w.fatal++ }
	return ledger.Open(o)
}

// did notes an acknowledged leaf.
func (w *witness) did(index int64, err error, kind ledger.Type) bool {
	if err == nil {
		w.leaves[index] = kind
	}
	return err == nil
}

// charge asks for 10; ids are used once.
func (w *witness) charge(l *ledger.Ledger, id string) int64 {
	index, err := l.Charge(ctx, charge(id, 10, w.clock.now()))
	if w.did(index, err, ledger.TypeCharge) {
		w.charged[id] = index
		w.rho += 10
	}
	return index
}

func (w *witness) release(l *ledger.Ledger, id string, index int64) int64 {
	release, err := l.Release(ctx, ledger.Release{Charge: index, ID: id, Digest: digest(id)})
	if w.did(release, err, ledger.TypeRelease) {
		w.released[id] = release
		if p, err := l.Proof(release); err != nil {
			w.fail("%s was released and has no proof: %v", id, err)
		} else {
			w.proofs = append(w.proofs, p)
		}
	}
	return release
}

// resume lifts the suspension that abandoned orphans have earned.
func (w *witness) resume(l *ledger.Ledger) {
	if l.Suspended(template) {
		index, err := l.Resume(ctx, template, "steward-s")
		w.did(index, err, ledger.TypeResume)
	}
}

// script is a life of a ledger: every kind of leaf, and a charge left open.
// Names begin with the prefix, so that it can be lived again after a restart.
func (w *witness) script(l *ledger.Ledger, prefix string) {
	index, err := l.Grant(ctx, grant(1000))
	w.did(index, err, ledger.TypeGrant)
	index, err = l.Snapshot(ctx, ledger.Snapshot{Snapshot: prefix + "snap", By: "steward-s"})
	w.did(index, err, ledger.TypeSnapshot)
	if index, err = l.Snapshot(ctx, ledger.Snapshot{Snapshot: "snap-1", By: "steward-s"}); err == nil {
		w.did(index, err, ledger.TypeSnapshot)
	}
	w.resume(l)
	one := w.charge(l, prefix+"one")
	two := w.charge(l, prefix+"two")
	w.clock.step(2 * time.Second)
	release := w.release(l, prefix+"one", one)
	index, err = l.Replay(ctx, ledger.Replay{ID: prefix + "again", Release: release, Grant: "g-b", Principal: "pharma-b", Organisation: "b", Purpose: "research", Request: "q"})
	w.did(index, err, ledger.TypeReplay)
	index, err = l.Abandon(ctx, two)
	w.did(index, err, ledger.TypeAbandon)
	index, err = l.Deny(ctx, ledger.Deny{Principal: "pharma-b", Rule: "no-grant"})
	w.did(index, err, ledger.TypeDeny)
	_, _ = l.Checkpoint(ctx)
	w.resume(l)
	three := w.charge(l, prefix+"three")
	w.charge(l, prefix+"open")
	w.clock.step(2 * time.Second)
	w.release(l, prefix+"three", three)
}

// examine is the auditor on the disk as it lies.
func (w *witness) examine(when string, running bool) *audit.Report {
	files := w.disk.Files(ledgerDir)
	if files["checkpoint"] == nil {
		if len(w.leaves) > 0 {
			w.fail("%s: the checkpoint is gone", when)
		}
		return &audit.Report{}
	}
	r, err := audit.Verify(context.Background(), audit.Options{Log: files, Key: verifier(w.t), WithoutReleases: true})
	if err != nil {
		w.fail("%s: %v", when, err)
	}
	for _, f := range r.Findings {
		if f.Code != audit.TornTail || !running {
			w.fail("%s: %+v", when, f)
		}
	}
	for id, index := range w.released {
		if index >= r.Signed {
			w.fail("%s: %s was released at %d, the checkpoint covers %d", when, id, index, r.Signed)
		}
	}
	for index := range w.leaves {
		if index >= r.Leaves {
			w.fail("%s: leaf %d was acknowledged, there are %d", when, index, r.Leaves)
		}
	}
	return r
}

// check holds a ledger against what was acknowledged.
func (w *witness) check(when string, l *ledger.Ledger) {
	for id, index := range w.charged {
		r, ok := l.Trace(id)
		if !ok || r.Request.Index != index {
			w.fail("%s: charge %s is lost", when, id)
		}
		if r.Request.Open() {
			w.fail("%s: charge %s is still open", when, id)
		}
		if _, err := l.Release(ctx, ledger.Release{Charge: index, ID: id, Digest: digest("another")}); err == nil {
			w.fail("%s: %s was released a second time", when, id)
		}
	}
	for id, index := range w.released {
		if r, _ := l.Trace(id); r.Request.Release != index || r.Request.Digest != digest(id) || !l.Published(r.Request) {
			w.fail("%s: release %s is lost: %+v", when, id, r)
		}
	}
	for index, kind := range w.leaves {
		leaf, raw, err := l.Leaf(index)
		if err != nil || leaf.Body.Type() != kind {
			w.fail("%s: leaf %d is lost: %v", when, index, err)
		}
		for _, p := range w.proofs {
			if p.Index == index && ledger.VerifyProof(p, raw, verifier(w.t)) != nil {
				w.fail("%s: the proof of leaf %d no longer holds", when, index)
			}
		}
	}
	if spent := l.Spent(life).Rho; spent < w.rho {
		w.fail("%s: spent %d, acknowledged %d", when, spent, w.rho)
	}
}

// live runs a script with a fault at one operation, looks at what the crash left,
// restarts, checks, goes on, cuts the power and checks again. It says whether
// the fault was met.
func live(t testing.TB, f ledgertest.Fault, at int, random *rand.Rand) bool {
	w := newWitness(t, fmt.Sprintf("%s at operation %d", f, at))
	w.disk.Fail(f, at)
	l, err := w.open()
	if err == nil {
		w.script(l, "a-")
		err = l.Close()
	}
	met := w.disk.Ops() >= at
	if met && err == nil && !slices.Contains([]ledgertest.Fault{ledgertest.EIO, ledgertest.Slow, ledgertest.Full, ledgertest.Short}, f) {
		w.fail("the process was killed and did not notice")
	}
	if w.fatal > 1 {
		w.fail("%d calls of Fatal", w.fatal)
	}
	w.crash(f, random)
	w.examine("after the crash", true)
	l, err = w.open()
	if err != nil {
		w.fail("it does not open again: %v", err)
	}
	w.check("after the restart", l)
	w.examine("after the restart", false)
	w.disk.Restart() // the power fails before anything else is written
	w.disk.Lose(random)
	if l, err = w.open(); err != nil {
		w.fail("it does not open after a restart and a power loss: %v", err)
	}
	w.check("after a restart and a power loss", l)
	w.script(l, "b-")
	if len(w.released) < 2 {
		w.fail("it does not go on: %d releases", len(w.released))
	}
	w.disk.Restart() // no Close
	w.disk.Lose(random)
	w.examine("after the power loss", true)
	l, err = w.open()
	if err != nil {
		w.fail("it does not open after the power loss: %v", err)
	}
	w.check("after the power loss", l)
	if err := l.Close(); err != nil {
		w.fail("it does not close: %v", err)
	}
	w.examine("at the end", false)
	return met
}

func (w *witness) crash(f ledgertest.Fault, random *rand.Rand) {
	w.disk.Restart()
	if f == ledgertest.Power || f == ledgertest.Slow {
		w.disk.Lose(random)
	}
}

func anyFault(random *rand.Rand) ledgertest.Fault {
	all := ledgertest.Faults()
	return all[random.IntN(len(all))]
}

// Every fault at every file operation of the script.
func TestCrashEvaluation(t *testing.T) {
	points := 0
	for _, f := range ledgertest.Faults() {
		t.Run(string(f), func(t *testing.T) {
			at := 1
			for live(t, f, at, rand.New(rand.NewPCG(uint64(at), 0))) {
				at++
			}
			if at < 50 {
				t.Fatalf("only %d operations", at)
			}
			points += at - 1
		})
	}
	t.Logf("%d points, 0 violations", points) // the first one ends it
}

// A second fault while it recovers from the first.
func TestCrashWhileRecovering(t *testing.T) {
	random := rand.New(rand.NewPCG(11, 22))
	for range 200 {
		w := newWitness(t, "")
		for range 3 {
			f, at := anyFault(random), 1+random.IntN(160)
			w.disk.Fail(f, at)
			w.what += fmt.Sprintf("%s at %d; ", f, at)
			w.fatal = 0
			if l, err := w.open(); err == nil {
				w.script(l, fmt.Sprint("r", random.Uint32(), "-"))
			}
			w.crash(f, random)
			w.examine("after a crash", true)
		}
		l, err := w.open()
		if err != nil {
			w.fail("it does not open: %v", err)
		}
		w.check("at last", l)
		w.examine("at last", false)
		must(t, l.Close())
	}
}
