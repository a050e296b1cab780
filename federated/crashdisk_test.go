package federated

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/qunxiang/qunxiang/policy/ledger/ledgertest"
)

// fails runs a job in which the disk that holds one node's ledger and journal fails once,
// and says whether it came to that.
func fails(t *testing.T, f ledgertest.Fault, at int, syncs bool) bool {
	name := fmt.Sprintf("%s at %d", f, at)
	w := newWorld(t, 1, 12)
	const victim = 1
	p := w.parties[victim]
	must(t, p.ledger.Close())
	p.disk = ledgertest.NewDisk()
	w.openLedger(victim, true)
	list := w.mortals()
	if syncs {
		p.disk.FailSync(f, at)
	} else {
		p.disk.Fail(f, at+p.disk.Ops())
	}
	start, met := p.disk.Ops(), false
	for range 400 {
		if w.over() {
			break
		}
		progress := false
		must(t, w.c.Tick())
		for i, q := range w.parties {
			moved, err := q.node.Step(ctx)
			progress = progress || moved
			struck := i == victim && !met && (p.disk.Ops()-start >= at || p.disk.Dead())
			if err != nil && !errors.Is(err, ErrStopped) && !struck {
				t.Fatalf("%s: %s: %v", name, q.name, err)
			}
			if struck && (err != nil || p.disk.Dead() || q.node.journal.Err() != nil) {
				met = true
				w.recover(victim, list[victim], f)
			}
		}
		if !progress && !w.wake() {
			w.now = w.now.Add(w.wait())
		}
	}
	struck := met || p.disk.Ops()-start >= at
	if struck && !met { // at the very end, when nobody looked any more
		w.recover(victim, list[victim], f)
	}
	p.disk.Fail(f, 0)
	w.endsRight(list, name)
	w.close()
	return struck
}

// recover is a new process on what the fault left of the disk.
func (w *world) recover(i int, m *mortal, f ledgertest.Fault) {
	w.t.Helper()
	p := w.parties[i]
	w.kill(i)
	_ = p.ledger.Close()
	p.disk.Restart()
	if f == ledgertest.Power || f == ledgertest.Slow {
		p.disk.Lose(rand.New(rand.NewPCG(uint64(m.calls), 3)))
	}
	w.openLedger(i, false)
	w.openMortal(m)
}

// The disk of a node's ledger and journal fails at every fsync: the process is killed,
// the power fails, or the fsync reports an error. The node comes back, training ends
// right, each share was made once and has its charge. QUNXIANG_LONG fails at every
// operation in every way, too.
func TestCrashAtEveryFsync(t *testing.T) {
	faults := []ledgertest.Fault{ledgertest.Kill, ledgertest.Power, ledgertest.EIO, ledgertest.Slow}
	long := os.Getenv("QUNXIANG_LONG") != ""
	at := 1
	for met := true; met; at++ {
		met = false
		for i, f := range faults {
			if long || i == at%len(faults) {
				met = fails(t, f, at, true) || met
			}
		}
	}
	if at < 15 {
		t.Errorf("only %d fsyncs", at)
	}
	t.Logf("%d fsyncs", at-2)
	if !long {
		return
	}
	for _, f := range ledgertest.Faults() {
		at := 1
		for fails(t, f, at, false) {
			at++
		}
		t.Logf("%s: %d operations", f, at-1)
	}
}
