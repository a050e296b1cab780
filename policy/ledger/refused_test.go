package ledger_test

import (
	"testing"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// A policy that one person puts forward alone leaves a leaf, once and not at every look at
// the file, also after a restart.
func TestRefusedPolicyIsLogged(t *testing.T) {
	l, _, c, o := kept(t)
	w, g := world{t, l, c}, supervised(1000)
	_, err := l.Grant(ctx, g)
	must(t, err)
	w.approveLeaf(ledger.SubjectGrant, &g, "ada", "bo")
	before := l.Size()
	attempt := func(digest string, leaves int64) {
		t.Helper()
		must(t, w.Attempted(ctx, "steward-s", digest))
		if w.Size() != before+leaves {
			t.Fatalf("%s: %d leaves, want %d", digest, w.Size()-before, leaves)
		}
	}
	attempt("first", 1)
	attempt("first", 1)
	attempt("second", 2)
	must(t, l.Close())
	if w.Ledger, err = ledger.Open(o); err != nil {
		t.Fatal(err)
	}
	attempt("first", 2)
	attempt("second", 2)
	attempt("third", 3)
	must(t, w.Close())
}

// What was deleted is no snapshot to ask.
func TestSnapshotsNameNoDeletedOnes(t *testing.T) {
	w, _ := overseen(t)
	two := ledger.Snapshot{Snapshot: "snap-2", By: "steward-s"}
	w.approveLeaf(ledger.SubjectSnapshot, &two, "ada", "bo")
	leaf, err := w.Snapshot(ctx, two)
	must(t, err)
	gone := ledger.Delete{Leaf: leaf, By: "steward-s"}
	w.approveLeaf(ledger.SubjectDelete, &gone, "ada", "bo")
	_, err = w.Delete(ctx, gone)
	must(t, err)
	if all, deleted := w.Snapshots(), w.DeletedSnapshots(); len(all) != 1 || all[0] != "snap-1" || len(deleted) != 1 || deleted[0] != "snap-2" {
		t.Errorf("to ask %v, deleted %v", all, deleted)
	}
}
