package queries_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/policy/witness"
	"github.com/qunxiang/qunxiang/queries"
)

// signer signs receipts in tests.
type signer struct{ key ed25519.PrivateKey }

func (s signer) Sign(_ context.Context, b []byte) ([]byte, error) { return ed25519.Sign(s.key, b), nil }
func (s signer) KeyID() (string, error) {
	return queries.ReceiptKeyID(s.key.Public().(ed25519.PublicKey)), nil
}

// signerSM2 signs them too.
type signerSM2 struct{ *witness.SM2Key }

func (s signerSM2) Sign(_ context.Context, b []byte) ([]byte, error) { return s.SM2Key.Sign(b) }
func (s signerSM2) KeyID() (string, error)                           { return queries.ReceiptKeyID(s.Public().Bytes()), nil }

func sm2Key(t *testing.T, fill byte) *witness.SM2Key {
	k, err := witness.NewSM2Key(bytes.Repeat([]byte{fill}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func trust(t *testing.T, lines ...string) *witness.Trust {
	p, err := witness.ParseTrust([]byte(strings.Join(lines, "\n") + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// receipts is a house with two receipts, and what holds the first.
type receipts struct {
	*house
	key           ed25519.PrivateKey
	text, second  []byte
	release, next []byte // the released bytes of both
	id            string
	check         queries.ReceiptCheck
}

func newReceipts(t *testing.T) *receipts {
	r := &receipts{house: newHouse(t, nil), key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{3}, 32))}
	r.runner.Sign, r.runner.SignSM2 = signer{r.key}, signerSM2{sm2Key(t, 5)}
	first, body := r.answered("insurer-a", i3)
	dearer := i3
	dearer.Cost = 0.1
	other, next := r.answered("insurer-a", dearer)
	r.release, r.next, r.id = body, next, first.ID
	r.text, r.second = r.receipt("insurer-a", first.ID), r.receipt("insurer-a", other.ID)
	r.check = queries.ReceiptCheck{Key: r.key.Public().(ed25519.PublicKey), SM2: sm2Key(t, 5).Public(),
		Trust: trust(t, "log "+ledger.VerifierKey(pop, r.house.key.Public().(ed25519.PublicKey)), "quorum none")}
	return r
}

func (r *receipts) receipt(who, id string) []byte {
	r.t.Helper()
	text, err := r.runner.Receipt(r.t.Context(), who, id)
	if err != nil {
		r.t.Fatal(err)
	}
	return text
}

func encode(t *testing.T, r queries.Receipt) []byte {
	out, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}

// edit changes the first receipt; b is the second.
func (r *receipts) edit(f func(a, b *queries.Receipt)) []byte {
	var a, b queries.Receipt
	if json.Unmarshal(r.text, &a) != nil || json.Unmarshal(r.second, &b) != nil {
		r.t.Fatal("a receipt is not JSON")
	}
	f(&a, &b)
	return encode(r.t, a)
}

// restate changes the statement of the first receipt and has both keys sign it.
func (r *receipts) restate(payloadType string, f func(s *queries.Statement)) []byte {
	return r.resign(payloadType, func(payload []byte) []byte {
		var s queries.Statement
		if err := json.Unmarshal(payload, &s); err != nil {
			r.t.Fatal(err)
		}
		f(&s)
		payload, _ = json.Marshal(s)
		return payload
	})
}

// respell replaces a text in the statement once and has both keys sign it.
func (r *receipts) respell(old, by string) []byte {
	return r.resign(queries.ReceiptType, func(payload []byte) []byte { return bytes.Replace(payload, []byte(old), []byte(by), 1) })
}

func (r *receipts) resign(payloadType string, f func(payload []byte) []byte) []byte {
	return r.edit(func(a, _ *queries.Receipt) {
		payload, _ := a.Envelope.DecodeB64Payload()
		by, _ := dsse.NewEnvelopeSigner(r.runner.Sign, r.runner.SignSM2)
		e, err := by.SignPayload(r.t.Context(), payloadType, f(payload))
		if err != nil {
			r.t.Fatal(err)
		}
		a.Envelope = *e
	})
}

// codeOf is the code of a receipt that fails, "" for anything else or one that is not
// explained.
func codeOf(err error) queries.ReceiptCode {
	var failing *queries.ReceiptError
	if !errors.Is(err, queries.ErrReceipt) || !errors.As(err, &failing) {
		return ""
	}
	for _, c := range queries.ReceiptCodes() {
		if c.Code == failing.Code && c.Text != "" && strings.Contains(err.Error(), string(c.Code)) {
			return c.Code
		}
	}
	return ""
}

// A receipt holds for its own release, log and keys, and for nothing else.
func TestVerifyReceipt(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newReceipts(t)
		for _, release := range [][]byte{nil, h.release} {
			c := h.check
			c.Release = release
			s, err := queries.VerifyReceipt(h.text, c)
			if err != nil || s.Predicate.Release != h.id || s.Predicate.Template != "claim-severity@1.1.0" || s.Subject[0].Name != h.id+".json" || s.Predicate.Mode != "evaluation" {
				t.Errorf("%+v %v", s, err)
			}
		}
		extra := h.edit(func(a, _ *queries.Receipt) {
			a.Envelope.Signatures = append(a.Envelope.Signatures, dsse.Signature{KeyID: "somebody", Sig: "AAAA"})
		})
		if _, err := queries.VerifyReceipt(extra, h.check); err != nil {
			t.Errorf("with a signature that nobody asks for: %v", err)
		}
		if proof := h.proof(); !bytes.HasPrefix(proof, []byte("c2sp.org/tlog-proof@v1\nextra ")) || !bytes.Contains(proof, []byte("\n\n"+pop+"\n")) {
			t.Errorf("tlog-proof %s", proof)
		}
		same := func(s *queries.Statement) {}
		key := func(k ed25519.PublicKey) queries.ReceiptCheck { c := h.check; c.Key = k; return c }
		second := func(k *witness.SM2Public) queries.ReceiptCheck { c := h.check; c.SM2 = k; return c }
		pinned := func(lines ...string) queries.ReceiptCheck { c := h.check; c.Trust = trust(t, lines...); return c }
		with := func(release []byte) queries.ReceiptCheck { c := h.check; c.Release = release; return c }
		logLine := "log " + ledger.VerifierKey(pop, h.house.key.Public().(ed25519.PublicKey))
		cosigner, _ := witness.NewCosigner("w.example", bytes.Repeat([]byte{8}, 32), nil)
		logSM2, _ := witness.NewSM2Signer(pop, bytes.Repeat([]byte{6}, 32))
		type cut = func(a, b *queries.Receipt)
		for name, c := range map[string]struct {
			text  []byte
			check queries.ReceiptCheck
			says  string
			code  queries.ReceiptCode
		}{
			"another release":        {h.text, with(append(bytes.Clone(h.release), ' ')), "not the one that was logged", queries.ReceiptRelease},
			"replayed for another":   {h.text, with(h.next), "not the one that was logged", queries.ReceiptRelease},
			"another receipt key":    {h.text, key(h.house.key.Public().(ed25519.PublicKey)), "not signed by the receipt key (Ed25519)", queries.ReceiptSignature},
			"no key":                 {h.text, key(nil), "both keys", queries.ReceiptKey},
			"another SM2 key":        {h.text, second(sm2Key(t, 4).Public()), "not signed by the receipt key (SM2)", queries.ReceiptSignature},
			"no SM2 key":             {h.text, second(nil), "both keys", queries.ReceiptKey},
			"another log key":        {h.text, pinned("log "+ledger.VerifierKey(pop, h.check.Key), "quorum none"), "not signed by a pinned key", queries.ReceiptCheckpoint},
			"another log":            {h.text, pinned("log "+ledger.VerifierKey("elsewhere", h.house.key.Public().(ed25519.PublicKey)), "quorum none"), "is pinned", queries.ReceiptCheckpoint},
			"not cosigned":           {h.text, pinned(logLine, "witness w "+cosigner.VerifierKey(), "quorum w"), "too few witnesses", queries.ReceiptCheckpoint},
			"checkpoint without SM2": {h.text, pinned(logLine, "log "+logSM2.VerifierKey(), "quorum none"), "second signature", queries.ReceiptCheckpoint},
			"nothing pinned":         {h.text, queries.ReceiptCheck{Key: h.check.Key, SM2: h.check.SM2}, "no key of its log", queries.ReceiptKey},
			"another statement":      {h.edit(func(a, b *queries.Receipt) { a.Envelope = b.Envelope }), h.check, "RELEASE leaf differ", queries.ReceiptLeaf},
			"a changed statement":    {h.edit(func(a, b *queries.Receipt) { a.Envelope.Payload = b.Envelope.Payload }), h.check, "not signed", queries.ReceiptSignature},
			"another leaf":           {h.edit(func(a, b *queries.Receipt) { a.Release = b.Release }), h.check, "leaf", queries.ReceiptLeaf},
			"another charge":         {h.edit(func(a, b *queries.Receipt) { a.Charge = b.Charge }), h.check, "not charged before it was released", queries.ReceiptLeaf},
			"no charge":              {h.edit(func(a, b *queries.Receipt) { a.Charge = queries.Logged{} }), h.check, "one of a leaf and its hash", queries.ReceiptMalformed},
			"another mechanism":      {h.restate(queries.ReceiptType, func(s *queries.Statement) { s.Predicate.Mechanism = "none" }), h.check, "another kind", queries.ReceiptMalformed},
			"another policy":         {h.restate(queries.ReceiptType, func(s *queries.Statement) { s.Predicate.PolicyLeaf++ }), h.check, "CHARGE leaf differ", queries.ReceiptLeaf},
			"a policy of after":      {h.restate(queries.ReceiptType, func(s *queries.Statement) { s.Predicate.PolicyLeaf = s.Predicate.ChargeLeaf }), h.check, "CHARGE leaf differ", queries.ReceiptLeaf},
			"an approval of after": {h.restate(queries.ReceiptType, func(s *queries.Statement) {
				s.Predicate.Approvals = []queries.Approved{{Subject: "grant", Leaf: s.Predicate.ReleaseLeaf}}
			}), h.check, "rests on", queries.ReceiptApprovals},
			"another k than released":   {h.restate(queries.ReceiptType, func(s *queries.Statement) { s.Predicate.K = "500" }), with(h.release), "release differ", queries.ReceiptRelease},
			"another mode":              {h.restate(queries.ReceiptType, func(s *queries.Statement) { s.Predicate.Mode = "supervised" }), with(h.release), "fewer than two people", queries.ReceiptApprovals},
			"another type":              {h.edit(func(a, b *queries.Receipt) { a.Envelope.PayloadType = "text/plain" }), h.check, "no in-toto statement", queries.ReceiptMalformed},
			"another type, signed":      {h.restate("application/vnd.other+json", same), h.check, "no in-toto statement", queries.ReceiptMalformed},
			"Ed25519 stripped":          {h.edit(func(a, _ *queries.Receipt) { a.Envelope.Signatures = a.Envelope.Signatures[1:] }), h.check, "(Ed25519)", queries.ReceiptSignature},
			"SM2 stripped":              {h.edit(func(a, _ *queries.Receipt) { a.Envelope.Signatures = a.Envelope.Signatures[:1] }), h.check, "(SM2)", queries.ReceiptSignature},
			"one twice":                 {h.edit(func(a, _ *queries.Receipt) { a.Envelope.Signatures[1] = a.Envelope.Signatures[0] }), h.check, "(Ed25519)", queries.ReceiptSignature},
			"under each other's id":     {h.edit(cut(func(a, _ *queries.Receipt) { s := a.Envelope.Signatures; s[0].Sig, s[1].Sig = s[1].Sig, s[0].Sig })), h.check, "(Ed25519)", queries.ReceiptSignature},
			"SM2 of another statement":  {h.edit(func(a, b *queries.Receipt) { a.Envelope.Signatures[1] = b.Envelope.Signatures[1] }), h.check, "(SM2)", queries.ReceiptSignature},
			"another name":              {h.restate(queries.ReceiptType, func(s *queries.Statement) { s.Subject[0].Name = "other.json" }), h.check, "RELEASE leaf differ", queries.ReceiptLeaf},
			"another digest":            {h.restate(queries.ReceiptType, func(s *queries.Statement) { s.Subject[0].Digest["sha256"] = strings.Repeat("0", 64) }), h.check, "RELEASE leaf differ", queries.ReceiptLeaf},
			"another predicate type":    {h.restate(queries.ReceiptType, func(s *queries.Statement) { s.PredicateType = "https://slsa.dev/provenance/v1" }), h.check, "another kind", queries.ReceiptMalformed},
			"two subjects":              {h.restate(queries.ReceiptType, func(s *queries.Statement) { s.Subject = append(s.Subject, s.Subject[0]) }), h.check, "another kind", queries.ReceiptMalformed},
			"another cost than charged": {h.restate(queries.ReceiptType, func(s *queries.Statement) { s.Predicate.Rho = "1" }), h.check, "CHARGE leaf differ", queries.ReceiptLeaf},
			"another population":        {h.restate(queries.ReceiptType, func(s *queries.Statement) { s.Predicate.Population = "x" }), h.check, "RELEASE leaf differ", queries.ReceiptLeaf},
			"another charge is named":   {h.restate(queries.ReceiptType, func(s *queries.Statement) { s.Predicate.ChargeLeaf++ }), h.check, "differ", queries.ReceiptLeaf},
			"another purpose":           {h.restate(queries.ReceiptType, func(s *queries.Statement) { s.Predicate.Purpose = "x" }), h.check, "CHARGE leaf differ", queries.ReceiptLeaf},
			"another snapshot":          {h.restate(queries.ReceiptType, func(s *queries.Statement) { s.Predicate.Snapshot = "x" }), h.check, "CHARGE leaf differ", queries.ReceiptLeaf},
			"a member twice":            {h.respell(`"rho":`, `"rho":"1","rho":`), h.check, "another kind", queries.ReceiptMalformed},
			"a leaf and its hash":       {h.edit(func(a, _ *queries.Receipt) { a.Release.Hash = &a.Release.Hashes[0] }), h.check, "one of a leaf and its hash", queries.ReceiptMalformed},
			"no list of hashes":         {h.edit(func(a, _ *queries.Receipt) { a.Release.Hashes = nil }), h.check, "no list", queries.ReceiptMalformed},
			"a proof cut short":         {h.edit(func(a, _ *queries.Receipt) { a.Release.Hashes = a.Release.Hashes[1:] }), h.check, "not in the log", queries.ReceiptProof},
			"another place":             {h.edit(func(a, _ *queries.Receipt) { a.Release.Index++ }), h.check, "not in the log", queries.ReceiptProof},
			"another's checkpoint":      {h.edit(func(a, b *queries.Receipt) { a.Checkpoint = strings.Replace(b.Checkpoint, "\n\n", "\n \n\n", 1) }), h.check, "its checkpoint", queries.ReceiptCheckpoint},
			"no receipt":                {[]byte("{"), h.check, "not a receipt", queries.ReceiptMalformed},
			"another spelling":          {bytes.Replace(h.text, []byte("\"release\""), []byte("\"Release\""), 1), h.check, "one spelling", queries.ReceiptMalformed},
			"something besides":         {bytes.Replace(h.text, []byte("{\n"), []byte("{\n  \"note\": 1,\n"), 1), h.check, "one spelling", queries.ReceiptMalformed},
			"too long":                  {append(bytes.Clone(h.text), bytes.Repeat([]byte(" "), 1<<20)...), h.check, "not a receipt", queries.ReceiptMalformed},
		} {
			if _, err := queries.VerifyReceipt(c.text, c.check); codeOf(err) != c.code || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s: %v, want %s, %q", name, err, c.code, c.says)
			}
		}
		h.close()
	})
}

func (r *receipts) proof() []byte {
	p, err := queries.ParseReceipt(r.text)
	if err != nil {
		r.t.Fatal(err)
	}
	return p.TlogProof()
}

// Every bit of a receipt counts, and what a flip of it is found as has a code.
func TestEveryBitOfAReceipt(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newReceipts(t)
		text := bytes.Clone(h.text)
		random := rand.New(rand.NewPCG(1, 2))
		for at := range text {
			bit := byte(1) << random.IntN(8)
			if at%16 != 0 && text[at] == '0' && text[max(0, at-1)] == '0' { // padding
				continue
			}
			text[at] ^= bit
			if _, err := queries.VerifyReceipt(text, h.check); codeOf(err) == "" {
				t.Fatalf("bit %d of byte %d flipped: %v\n%s", bit, at, err, text[max(0, at-40):min(len(text), at+40)])
			}
			text[at] ^= bit
		}
		h.close()
	})
}

// Somebody of another organisation who has the same answer is not told who was charged
// for it, and sees by the released bytes what was charged, and that it was before: without
// them such a receipt holds for nothing.
func TestReceiptNamesNobodyToOthers(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newReceipts(t)
		dearest := i3
		dearest.Cost = 0.2
		asked, _ := h.answered("regulator-r", dearest)
		again, body := h.answered("insurer-a", dearest)
		for who, id := range map[string]string{"regulator-r": asked.ID, "insurer-a": again.ID, "steward-s": asked.ID} {
			text := h.receipt(who, id)
			r, err := queries.ParseReceipt(text)
			if err != nil || (r.Charge.Leaf != nil) != (who != "insurer-a") || (r.Charge.Hash == nil) != (who != "insurer-a") || who == "insurer-a" && bytes.Contains(text, []byte("regulator")) {
				t.Errorf("%s: %v", who, err)
			}
			c := h.check
			if _, err := queries.VerifyReceipt(text, c); (err == nil) != (who != "insurer-a") || err != nil && !errors.Is(err, queries.ErrReceipt) {
				t.Errorf("%s without the release: %v", who, err)
			}
			c.Release = body
			if s, err := queries.VerifyReceipt(text, c); err != nil || s.Predicate.Release != asked.ID {
				t.Errorf("%s: %v", who, err)
			}
		}
		h.close()
	})
}

// Who reads a release by role and did not ask for it is named in the log, once.
func TestReadingByRoleIsLogged(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		h.runner.Sign, h.runner.SignSM2 = signer{h.key}, signerSM2{sm2Key(t, 5)}
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
