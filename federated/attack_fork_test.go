package federated

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/federated/secagg"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// forked books go on in another copy of the ledger, and their node wants it so.
type forked struct{ *swapped }

func (s forked) Grown(secagg.Mark) error { return nil }

// A node charges round 1 in its ledger and round 2 in a copy from before round 1, which
// it has filled up. No log holds both charges; a folder that proves each of them alone
// must not verify as charged for both.
func TestAttackForkedLedger(t *testing.T) {
	w := newWorld(t, 2, 12)
	p := w.parties[0]
	other := filepath.Join(w.dir, "other")
	copyDir(t, p.books, other)
	second := w.bookkeeper(0)
	second.Ledger = w.secondLedger(0, other, 10)
	o := w.options(0)
	books := forked{&swapped{o.Books}}
	o.Books = books
	o.Log = func(text string) {
		if strings.Contains(text, "is closed by attempt 1") {
			must(t, second.Reserve(ctx, Aside{Job: p.node.job, Source: w.card.Source, Purpose: w.card.Purpose, Whole: p.node.whole, Until: w.card.Until}))
			books.swapped.Books = second
		}
	}
	var err error
	p.node, err = OpenNode(ctx, o)
	must(t, err)
	w.openNode(1)
	w.openNode(2)
	w.run()
	w.sameModel()
	_, err = Verify(p.dir, VerifyOptions{LedgerKey: second.Key, unprotected: unprotected})
	isCode(t, "charges of two logs", err, VerifyCharge)
	_, err = Verify(w.parties[1].dir, VerifyOptions{unprotected: unprotected})
	must(t, err)
}

// A proof from charge to charge is wanted. Where a file of them is lost, it is made anew
// with all that come after.
func TestVerifyChargesFollow(t *testing.T) {
	w, dir, o := checked(t)
	name := filepath.Join(dir, "attempt-2", "charge.json")
	b, err := os.ReadFile(name)
	must(t, err)
	for what, change := range map[string]func(*ChargeProof){
		"no proof":      func(p *ChargeProof) { p.After = nil },
		"another proof": func(p *ChargeProof) { p.After = append(ledger.Consistency{}, p.After...); p.After[0][3] ^= 1 },
	} {
		var p ChargeProof
		must(t, json.Unmarshal(b, &p))
		change(&p)
		changed, err := canonical(p)
		must(t, err)
		must(t, os.WriteFile(name, changed, 0o600))
		_, err = Verify(dir, o)
		isCode(t, what, err, VerifyCharge)
	}
	must(t, os.WriteFile(name, b, 0o600))
	_, err = w.parties[1].ledger.Deny(ctx, ledger.Deny{Principal: "somebody", Rule: "budget"})
	must(t, err)
	must(t, os.Remove(filepath.Join(dir, "attempt-1", "charge.json")))
	w.restart(1)
	_, err = Verify(dir, o)
	must(t, err)
}
