package federated

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// burning makes a job whose first attempt is charged everywhere and gives no sum.
func burning(t *testing.T) *world {
	w := newWorld(t, 1, 12)
	for i := range w.parties {
		w.parties[i].transport = &evil{wire: wire{w}, items: func(it Item) []Item {
			if it.Attempt == 1 && it.Sort == SortPart && it.Kind == secagg.Sealed {
				it.Body = []byte{0}
			}
			return []Item{it}
		}}
	}
	w.openNodes()
	for len(w.parties[0].node.Issued()) == 0 {
		if !w.turn() {
			t.Fatal("nothing happens")
		}
	}
	for w.turn() {
	}
	return w
}

// provenBurnt wants a folder to prove attempt 1 as charged in full and burnt, and not to
// verify without that proof.
func (w *world) provenBurnt(dir string) {
	w.t.Helper()
	o := VerifyOptions{unprotected: unprotected}
	v, err := Verify(dir, o)
	must(w.t, err)
	if spent := w.parties[0].ledger.Spent(testTown + "/life").Rho; v.Rho != spent || spent == 0 || len(v.Burnt) == 0 || v.Burnt[0] != 1 {
		w.t.Fatalf("proven are rho %d and the burnt %v, charged was %d", v.Rho, v.Burnt, spent)
	}
	proof := filepath.Join(dir, "attempt-1", "charge.json")
	b, err := os.ReadFile(proof)
	must(w.t, err)
	must(w.t, os.Remove(proof))
	_, err = Verify(dir, o)
	isCode(w.t, "a burnt attempt without its charge", err, VerifyMissing)
	must(w.t, os.WriteFile(proof, b, 0o600))
}

// A charge is proven whatever becomes of its attempt: as soon as it is made, after a
// stop, when a crash came between charge and proof, and in a folder of any name.
func TestVerifySeesBurntAttempts(t *testing.T) {
	w := burning(t)
	p := w.parties[0]
	w.provenBurnt(p.dir)
	odd := filepath.Join(w.dir, "a[b*c?]")
	copyDir(t, p.dir, odd)
	w.provenBurnt(odd)

	must(t, os.Remove(filepath.Join(p.dir, "attempt-1", "charge.json")))
	must(t, p.node.Stop("enough"))
	w.provenBurnt(p.dir)
	must(t, os.Remove(filepath.Join(p.dir, "attempt-1", "charge.json")))
	w.restart(0)
	w.provenBurnt(p.dir)
	if name, err := os.ReadFile(filepath.Join(p.dir, "node")); err != nil || string(name) != p.name {
		t.Fatalf("the folder is of node %q: %v", name, err)
	}
}

// Folders that no node makes are not counted twice.
func TestVerifyAttemptNames(t *testing.T) {
	w := burning(t)
	dir := w.parties[0].dir
	copyDir(t, filepath.Join(dir, "attempt-1"), filepath.Join(dir, "attempt-01"))
	_, err := Verify(dir, VerifyOptions{unprotected: unprotected})
	isCode(t, "another spelling", err, VerifyCharge)
}
