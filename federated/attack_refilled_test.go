package federated

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/federated/journal"
	"github.com/qunxiang/qunxiang/federated/secagg"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// refill puts a ledger back to a copy of an earlier time, and queries add so many leaves.
func (w *world) refill(i int, copied string, leaves int) {
	w.t.Helper()
	p := w.parties[i]
	w.kill(i)
	must(w.t, p.ledger.Close())
	copyDir(w.t, copied, p.books)
	w.openLedger(i, false)
	for range leaves {
		_, err := p.ledger.Deny(ctx, ledger.Deny{Principal: "somebody", Rule: "budget"})
		must(w.t, err)
	}
}

// Only the ledger is put back, and queries fill it up again beyond what it had: the node
// itself notices that the charge of a share that is out is lost, and keeps what shows it.
func TestAttackRefilledLedger(t *testing.T) {
	for name, early := range map[string]bool{"from before the job": true, "from between mark and charge": false} {
		w := newWorld(t, 1, 12)
		backup := filepath.Join(w.dir, "backup")
		copyDir(t, w.parties[0].books, backup)
		for i := range w.parties {
			w.parties[i].transport = &evil{wire: wire{w}, items: func(it Item) []Item {
				if it.Attempt == 1 && it.Sort == SortPart && it.Kind == secagg.Sealed {
					it.Body = []byte{0} // attempt 1 is burnt
				}
				return []Item{it}
			}}
		}
		w.openNodes()
		for len(w.parties[0].node.Issued()) == 0 {
			if t := w.parties[0].node.try; !early && t != nil && t.phase == secagg.PhaseConfirm {
				copyDir(w.t, w.parties[0].books, backup)
			}
			w.turn()
		}
		w.refill(0, backup, 10)
		_, err := OpenNode(ctx, w.options(0))
		mustBe(t, err, journal.ErrRollback)
		for _, kept := range []string{"attempt-1/SHARE-0", "journal/share-1"} {
			if _, err := os.Stat(filepath.Join(w.parties[0].dir, kept)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		w.close()
	}
}

// Ledger and journal are put back together, and the attempts' folders stay: a SHARE
// without its charge is not swept away.
func TestAttackRestoredWithoutAttempts(t *testing.T) {
	w := newWorld(t, 1, 12).openNodes()
	p, backup := w.parties[0], filepath.Join(w.dir, "backup")
	for p.node.try == nil || p.node.try.phase < secagg.PhaseConfirm {
		w.turn()
	}
	copyDir(t, p.books, filepath.Join(backup, "ledger"))
	copyDir(t, filepath.Join(p.dir, "journal"), filepath.Join(backup, "journal"))
	for len(p.node.Issued()) == 0 {
		w.turn()
	}
	w.refill(0, filepath.Join(backup, "ledger"), 3)
	copyDir(t, filepath.Join(backup, "journal"), filepath.Join(p.dir, "journal"))
	_, err := OpenNode(ctx, w.options(0))
	mustBe(t, err, journal.ErrRollback)
	if _, err := os.Stat(filepath.Join(p.dir, "attempt-1", "SHARE-0")); err != nil {
		t.Error(err)
	}
}

// swapped books go on in another ledger.
type swapped struct{ Books }

// A ledger that becomes another one while the job is open is noticed at the next OPEN.
func TestAttackSwappedLedger(t *testing.T) {
	w := newWorld(t, 2, 12)
	p := w.parties[0]
	other := filepath.Join(w.dir, "other")
	copyDir(t, p.books, other)
	o := w.options(0)
	books := &swapped{o.Books}
	o.Books = books
	o.Log = func(text string) {
		if strings.Contains(text, "is closed by attempt 1") {
			second := w.bookkeeper(0)
			second.Ledger = w.secondLedger(0, other, 10)
			books.Books = second
		}
	}
	var err error
	p.node, err = OpenNode(ctx, o)
	must(t, err)
	w.openNode(1)
	w.openNode(2)
	w.run()
	if s := p.node.Stopped(); !strings.Contains(s, "a ledger went back") {
		t.Errorf("%q, done %v", s, p.node.Done())
	}
}

// secondLedger opens a copy of a party's ledger and adds so many leaves.
func (w *world) secondLedger(i int, dir string, leaves int) *ledger.Ledger {
	w.t.Helper()
	l, err := ledger.Open(ledger.Options{Dir: dir, Population: testTown, Signer: w.parties[i].ledgerSigner, Now: w.clock, Fatal: func(error) {}})
	must(w.t, err)
	w.t.Cleanup(func() { _ = l.Close() })
	for range leaves {
		_, err := l.Deny(ctx, ledger.Deny{Principal: "somebody", Rule: "budget"})
		must(w.t, err)
	}
	return l
}
