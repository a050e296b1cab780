package queries_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"testing"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// signer signs receipts in tests.
type signer struct{ key ed25519.PrivateKey }

func (s signer) Sign(_ context.Context, b []byte) ([]byte, error) { return ed25519.Sign(s.key, b), nil }
func (s signer) KeyID() (string, error) {
	return queries.ReceiptKeyID(s.key.Public().(ed25519.PublicKey)), nil
}

// A receipt holds for its own release, log and key, and for nothing else.
func TestVerifyReceipt(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, 32))
		h.runner.Sign = signer{key}
		tk, body := h.answered("insurer-a", i3)
		dearer := i3
		dearer.Cost = 0.1
		other, _ := h.answered("insurer-a", dearer)
		text, err := h.runner.Receipt(t.Context(), "insurer-a", tk.ID)
		if err != nil {
			t.Fatal(err)
		}
		second, err := h.runner.Receipt(t.Context(), "insurer-a", other.ID)
		if err != nil {
			t.Fatal(err)
		}
		public, logKey := key.Public().(ed25519.PublicKey), ledger.VerifierKey(pop, h.key.Public().(ed25519.PublicKey))
		strangers := ledger.VerifierKey(pop, public)
		for _, release := range [][]byte{nil, body} {
			s, err := queries.VerifyReceipt(t.Context(), text, public, logKey, release)
			if err != nil || s.Release != tk.ID || s.Template != "claim-severity@1.1.0" {
				t.Errorf("%+v %v", s, err)
			}
		}
		edit := func(f func(a, b *queries.Receipt)) []byte {
			var a, b queries.Receipt
			if json.Unmarshal(text, &a) != nil || json.Unmarshal(second, &b) != nil {
				t.Fatal("a receipt is not JSON")
			}
			f(&a, &b)
			out, _ := json.Marshal(a)
			return out
		}
		for name, c := range map[string]struct {
			text, release []byte
			key           ed25519.PublicKey
			log           string
		}{
			"another release":     {text, append(bytes.Clone(body), ' '), public, logKey},
			"another receipt key": {text, body, h.key.Public().(ed25519.PublicKey), logKey},
			"no key":              {text, body, nil, logKey},
			"another log key":     {text, body, public, strangers},
			"another statement":   {edit(func(a, b *queries.Receipt) { a.Envelope = b.Envelope }), nil, public, logKey},
			"a changed statement": {edit(func(a, b *queries.Receipt) { a.Envelope.Payload = b.Envelope.Payload }), nil, public, logKey},
			"another leaf":        {edit(func(a, b *queries.Receipt) { a.Leaf = b.Leaf }), body, public, logKey},
			"another type":        {edit(func(a, b *queries.Receipt) { a.Envelope.PayloadType = "text/plain" }), body, public, logKey},
			"no receipt":          {[]byte("{"), body, public, logKey},
		} {
			if _, err := queries.VerifyReceipt(t.Context(), c.text, c.key, c.log, c.release); !errors.Is(err, queries.ErrReceipt) {
				t.Errorf("%s: %v", name, err)
			}
		}
		h.close()
	})
}

// Who reads a release by role and did not ask for it is named in the log, once.
func TestReadingByRoleIsLogged(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		h.runner.Sign = signer{h.key}
		tk, body := h.answered("insurer-a", i3)
		before := h.ledger.Size()
		for range 2 {
			if got, err := h.runner.Answer("insurer-a", tk.ID); err != nil || !bytes.Equal(got, body) || h.ledger.Size() != before {
				t.Errorf("its owner: %v, %d leaves", err, h.ledger.Size()-before)
			}
		}
		for i, who := range []string{"steward-s", "regulator-r"} {
			for range 2 {
				if got, err := h.runner.Answer(who, tk.ID); err != nil || !bytes.Equal(got, body) {
					t.Errorf("%s: %v", who, err)
				}
				if _, err := h.runner.Receipt(t.Context(), who, tk.ID); err != nil {
					t.Errorf("%s: %v", who, err)
				}
			}
			if n := h.ledger.Size() - before; n != int64(i+1) {
				t.Fatalf("%s: %d leaves", who, n)
			}
			leaf, _, err := h.ledger.Leaf(h.ledger.Size() - 1)
			if r, ok := leaf.Body.(*ledger.Replay); err != nil || !ok || r.Principal != who || r.Purpose != string(policy.ReadReleases) {
				t.Errorf("%+v %v", leaf, err)
			}
		}
		if _, err := h.runner.Answer("pharma-b", tk.ID); !errors.Is(err, queries.ErrUnknownRequest) || h.ledger.Size() != before+2 {
			t.Errorf("one who may not: %v", err)
		}
		l := h.runner.Ledger
		h.runner.Ledger = nil
		if _, err := h.runner.Answer("insurer-a", tk.ID); err != nil {
			t.Errorf("its owner, without the log: %v", err)
		}
		h.runner.Ledger = l
		h.close()
	})
}
