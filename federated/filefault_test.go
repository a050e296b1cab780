package federated

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// faulty runs a job in which node 0 cannot write one file, once; it is opened again where
// Err asks for that, as a service does. Then everybody has the model, the folder
// verifies, and nothing was charged twice.
func (w *world) faulty(file string) {
	w.t.Helper()
	p := w.parties[0]
	block := filepath.Join(p.dir, file+".tmp")
	must(w.t, os.MkdirAll(block, 0o700)) // in the way of the file that is renamed
	failed := 0
	for range 600 {
		if w.over() {
			break
		}
		must(w.t, w.c.Tick())
		progress := false
		for _, q := range w.parties {
			moved, err := q.node.Step(ctx)
			progress = progress || moved
			if err == nil || errors.Is(err, ErrStopped) {
				continue
			}
			failed++
			if q != p || failed > 1 {
				w.t.Fatalf("%s: failure %d: %s: %v", file, failed, q.name, err)
			}
			must(w.t, os.RemoveAll(block)) // well again
			if q.node.Err() == nil {
				w.t.Fatalf("%s: %v, and Err says nothing", file, err)
			}
			if q.node.Done() {
				w.t.Fatalf("%s: done, without the file", file)
			}
			if _, again := q.node.Step(ctx); again == nil {
				w.t.Fatalf("%s: it goes on after %v", file, err)
			}
			w.restart(0)
		}
		if !progress {
			w.now = w.now.Add(30 * time.Second)
		}
	}
	if failed == 0 {
		w.t.Fatalf("%s was never written", file)
	}
	w.now = w.now.Add(3 * time.Second)
	w.turn()
	w.sameModel()
	if _, err := Verify(p.dir, VerifyOptions{unprotected: unprotected}); err != nil {
		w.t.Errorf("%s: %v", file, err)
	}
	for i, q := range w.parties {
		// Who confirmed before a peer failed at the barrier has a burnt attempt.
		want := 1
		if i > 0 && strings.Contains(file, secagg.PhaseConfirm.String()) {
			want = 2
		}
		if got := len(w.bookkeeper(i).Charged(q.node.job)); got != want || len(q.node.Issued()) != want {
			w.t.Errorf("%s: %s charged %d attempts", file, q.name, got)
		}
	}
}

// The disk of a job's folder fails for a moment, at whichever file: what was to follow is
// not forgotten. A charged share leaves, a node whose model is not written is not done,
// and a transcript has no gap.
func TestEveryFileMayFailOnce(t *testing.T) {
	part := func(k secagg.Kind, node int) string { return "attempt-1/" + partName(k, node, 0) }
	message := func(f secagg.Phase, node int) string { return "attempt-1/" + messageName(f, node) }
	for _, file := range []string{
		"approval-1.json", "attempt-1/OPEN", message(secagg.PhaseHello, 0), message(secagg.PhaseCTCom, 2), part(secagg.C1, 0),
		message(secagg.PhaseConfirm, 1), message(secagg.PhaseShare, 0), part(secagg.Opened, 0), message(secagg.PhaseShare, 1),
		part(secagg.Opened, 2), part(secagg.C0, 1), "attempt-1/charge.json", "attempt-1/sum", message(secagg.PhaseResult, 0),
		message(secagg.PhaseResult, 2), "round-0", "model.json",
	} {
		w := newWorld(t, 1, 12).openNodes()
		w.faulty(file)
		w.close()
	}
}

// A failure that is not of the job's own files leaves the node as it is.
func TestOtherFailuresPass(t *testing.T) {
	w := newWorld(t, 1, 12).openNodes()
	n := w.parties[0].node
	for _, err := range []error{
		errDown,
		&os.PathError{Op: "open", Path: filepath.Join(w.dir, "coordinator", "feed"), Err: os.ErrPermission},
		&os.LinkError{Op: "rename", Old: filepath.Join(w.parties[0].dir, "x"), New: filepath.Join(w.dir, "node-0", "ledger", "x"), Err: os.ErrPermission},
	} {
		if got := n.kept(err); got != err || n.Err() != nil {
			t.Errorf("%v: kept as %v", err, n.Err())
		}
	}
	must(t, os.Mkdir(filepath.Join(w.parties[0].dir, "stopped.tmp"), 0o700))
	if err := n.Stop("by its operator"); err == nil || n.Err() == nil {
		t.Error("a stop that is not on the disk counts as one")
	}
}
