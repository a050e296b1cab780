package federated

import (
	"io/fs"
	"path/filepath"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// sizeOf is the length of all files of a folder in bytes.
func sizeOf(t *testing.T, dir string) (n int64) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	}))
	return n
}

// abortAll has node 0 abort each of the next attempts when it should confirm, and gives
// the time at which each was aborted.
func (w *world) abortAll(attempts int) (at []time.Time) {
	w.t.Helper()
	for idle := 0; len(at) < attempts; {
		if !w.turn() {
			w.now = w.now.Add(time.Minute)
			if idle++; idle > 1000 {
				w.t.Fatal("nothing happens")
			}
		}
		n := w.parties[0].node
		if n.try != nil && n.try.attempt != nil && n.try.attempt.Phase() == secagg.PhaseConfirm {
			m, err := n.try.attempt.Abort(0)
			must(w.t, err)
			n.out = nil
			n.post(SortMessage, n.try.number, m.Append(nil))
			n.try = nil
			at = append(at, w.now)
		}
	}
	return at
}

// One node that aborts again and again costs the others no disk, and ever less work;
// the job goes on when it behaves, for who begins to read the feed then too.
func TestAttackAbortingForEver(t *testing.T) {
	w := newWorld(t, 1, 12).openNodes()
	w.abortAll(1)
	one := sizeOf(t, w.parties[1].dir)
	at := w.abortAll(14)
	if got := sizeOf(t, w.parties[1].dir); got > 2*one {
		t.Errorf("a node has %d bytes after 15 aborted attempts, %d after one", got, one)
	}
	kept := sizeOf(t, filepath.Join(w.dir, "coordinator"))
	if gap := at[13].Sub(at[12]); gap < 60*time.Minute {
		t.Errorf("the last attempts are %v apart", gap)
	}
	w.abortAll(6)
	if got := sizeOf(t, filepath.Join(w.dir, "coordinator")); got > kept+kept/4 {
		t.Errorf("the coordinator has %d bytes after 21 aborted attempts, %d after 15", got, kept)
	}
	w.kill(2)
	w.openNode(2)
	for w.turn() {
	}
	must(t, w.c.Close())
	w.openCoordinator()
	w.run()
	w.sameModel()
	w.charged(1)
	if left, err := filepath.Glob(filepath.Join(w.parties[1].dir, "attempt-*")); err != nil || len(left) != 1 {
		t.Errorf("a node keeps %v", left)
	}
}

// A round has so many attempts that end before their shares, and no more.
func TestAttemptsOfARoundAreBounded(t *testing.T) {
	w := newWorld(t, 1, 12).openNodes()
	w.c.lost = mostLost - 3
	w.abortAll(3)
	w.turns(200, time.Minute)
	if got := w.c.Status(); got.Ended != "too many attempts of a round ended before their shares" {
		t.Fatalf("%+v", got)
	}
	w.noModel(false)
}

// What a crash left of attempts before the barrier goes when the job is opened again.
func TestSweep(t *testing.T) {
	w := newWorld(t, 1, 12).openNodes()
	p := w.parties[1]
	for p.node.try == nil || p.node.try.phase < secagg.PhaseConfirm {
		w.turn()
	}
	w.restart(1)
	if left, err := filepath.Glob(filepath.Join(p.dir, "attempt-*")); err != nil || len(left) != 0 {
		t.Fatalf("a node keeps %v", left)
	}
	w.run()
	w.sameModel()
}
