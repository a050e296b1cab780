package federated

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A node whose model could not be written is not done, and says so.
func TestCrashBeforeModelIsWritten(t *testing.T) {
	w := newWorld(t, 1, 12).openNodes()
	p, failed := w.parties[0], 0
	block := filepath.Join(p.dir, "model.json.tmp")
	must(t, os.MkdirAll(block, 0o700))
	for range 200 {
		for _, q := range w.parties {
			if _, err := q.node.Step(ctx); err != nil {
				if q != p {
					t.Fatal(err)
				}
				failed++
			}
		}
		must(t, w.c.Tick())
		w.now = w.now.Add(100 * time.Millisecond)
	}
	if _, err := os.Stat(filepath.Join(p.dir, "model.json")); err == nil || failed == 0 {
		t.Fatalf("the disk did not fail: %v, %d failures", err, failed)
	}
	if p.node.Done() {
		t.Error("done, and there is no model")
	}
}
