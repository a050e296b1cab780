package federated

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/federated/secagg"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// crooked books charge something else than the node asks for.
type crooked struct {
	Books
	change func(*Spend)
}

func (c crooked) Charge(ctx context.Context, s Spend) error {
	c.change(&s)
	whole := dp.Cost{Rho: 4 * s.Cost.Rho, Delta: 4 * s.Cost.Delta}
	if err := c.Books.Reserve(ctx, Aside{Job: s.Job, Source: s.Source, Purpose: s.Purpose, Whole: whole, Until: "2026-12-31"}); err != nil {
		return err
	}
	return c.Books.Charge(ctx, s)
}

// Reserve waits for the first charge: the ledger takes none but those that it was made for.
func (crooked) Reserve(context.Context, Aside) error { return nil }

func isCode(t testing.TB, what string, err error, code string) {
	t.Helper()
	var e *VerifyError
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("%s: %v, want code %q", what, err, code)
	}
}

// A charge that is in the ledger and says less, or something else, is found.
func TestVerifyCharges(t *testing.T) {
	for name, change := range map[string]func(*Spend){
		"cheap":              func(s *Spend) { s.Cost.Rho /= 2 },
		"another transcript": func(s *Spend) { s.Root[0] ^= 1 },
		"another purpose":    func(s *Spend) { s.Purpose = "other" },
		"another template":   func(s *Spend) { s.Source.Template = "claim-cost-features@1.0.0" },
		"another version":    func(s *Spend) { s.Source.Template = "claim-frequency-features@1.0.1" },
		"another digest":     func(s *Spend) { s.Source.Digest = strings.Repeat("0", 64) },
	} {
		w := newWorld(t, 1, 12)
		g, _ := w.parties[0].ledger.InForce()
		g.Grants[0].Purposes = append(g.Grants[0].Purposes, "other")
		g.Grants[0].Templates = append(g.Grants[0].Templates, "claim-cost-features")
		_, err := w.parties[0].ledger.Grant(ctx, g)
		must(t, err)
		for i := range w.parties {
			o := w.options(i)
			if i == 0 {
				o.Books = crooked{o.Books, change}
			}
			w.parties[i].node, err = OpenNode(ctx, o)
			must(t, err)
		}
		w.run()
		w.sameModel()
		_, err = Verify(w.parties[0].dir, VerifyOptions{unprotected: unprotected})
		isCode(t, name, err, VerifyCharge)
		_, err = Verify(w.parties[1].dir, VerifyOptions{unprotected: unprotected})
		must(t, err)
	}
}

// A leaf that was never in the log does not pass by its form.
func TestVerifyForgedLeaf(t *testing.T) {
	_, dir, o := checked(t)
	name := filepath.Join(dir, "attempt-1", "charge.json")
	b, err := os.ReadFile(name)
	must(t, err)
	var p ChargeProof
	must(t, json.Unmarshal(b, &p))
	raw, err := base64.StdEncoding.DecodeString(p.Leaf)
	must(t, err)
	raw = bytes.Replace(raw, []byte("South Life"), []byte("North Life"), 1)
	p.Leaf = base64.StdEncoding.EncodeToString(raw)
	b, err = canonical(p)
	must(t, err)
	must(t, os.WriteFile(name, b, 0o600))
	_, err = Verify(dir, o)
	isCode(t, "a forged leaf", err, VerifyCharge)
}

// All nodes together sign a model that the sum does not give, or start from one: the
// verifier computes it itself.
func TestVerifySignedButWrongModel(t *testing.T) {
	w, dir, o := checked(t)
	for i, p := range w.parties {
		name := filepath.Join(dir, "attempt-2", messageName(secagg.PhaseResult, i))
		b, err := os.ReadFile(name)
		must(t, err)
		m, err := w.c.shape().ParseMessage(b)
		must(t, err)
		m.Body[32] ^= 1 // after the sum's digest, the next model's
		m.Body[0] ^= 1  // resigned turns it back
		must(t, os.WriteFile(name, w.resigned(m, p.key).Append(nil), 0o600))
	}
	_, err := Verify(dir, o)
	isCode(t, "a wrong next model", err, VerifyModel)

	v := &verification{dir: dir, o: o, out: &Verified{}}
	must(t, v.card())
	v.beta = v.work.Start()
	v.beta[0]++
	isCode(t, "another start", v.round(0, 1), VerifyModel)
}

// A ledger that did not grow between rounds did not charge.
func TestVerifyLedgersGrow(t *testing.T) {
	_, dir, o := checked(t)
	v := &verification{dir: dir, o: o, out: &Verified{}}
	for _, step := range []func() error{v.card, v.rounds, v.ledgers} {
		must(t, step())
	}
	v.out.Rounds[1].Ledgers[2] = v.out.Rounds[0].Ledgers[2]
	isCode(t, "a ledger that stands still", v.ledgers(), VerifyCharge)
}

// A node that has the round's sum makes no second share for it, whoever asks: the
// coordinator cannot burn its spares with a sum already out.
func TestAttackSumTwice(t *testing.T) {
	w := newWorld(t, 2, 12)
	w.parties[0].transport = &evil{wire: wire{w}, items: func(it Item) []Item {
		if it.Sort == SortMessage && it.Phase == secagg.PhaseResult && it.Node != 0 {
			it.Sort = 0
		}
		return []Item{it}
	}}
	w.openNodes()
	n := w.parties[0].node
	for !n.summed() {
		w.turn()
	}
	high := n.journal.Highest()
	open := secagg.Open{Job: n.job, Model: n.beta.Hash(), Round: 0, Attempt: high + 1, Length: uint32(n.plan.Cells())}
	must(t, n.takeOpen(ctx, w.opening(open)))
	if n.journal.Highest() != high {
		t.Fatal("it begins another attempt for a sum it has")
	}
	w.turns(5, 0)
	if n.Round() > 0 {
		t.Fatal("it closes the round on its own word")
	}
}

// A job goes on when a node opens late, and a node in another folder of the same job is
// refused while the first has it open.
func TestOneNodeAtATime(t *testing.T) {
	w := newWorld(t, 1, 12).openNodes()
	if _, err := OpenCoordinator(w.c.o); !errors.Is(err, ledger.ErrInUse) {
		t.Fatalf("two coordinators in one folder: %v", err)
	}
	if _, err := OpenNode(ctx, w.options(0)); err == nil {
		t.Fatal("the same folder opens twice")
	}
	w.run()
	w.sameModel()
}
