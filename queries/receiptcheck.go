package queries

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/secure-systems-lab/go-securesystemslib/dsse"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// ErrReceipt marks a receipt that does not hold.
var ErrReceipt = errors.New("receipt does not hold")

// receiptKey checks Ed25519 signatures of receipts (DSSE).
type receiptKey struct{ ed25519.PublicKey }

func (k receiptKey) Verify(_ context.Context, data, sig []byte) error {
	if len(k.PublicKey) != ed25519.PublicKeySize || !ed25519.Verify(k.PublicKey, data, sig) {
		return errors.New("not signed by the key")
	}
	return nil
}

func (k receiptKey) KeyID() (string, error)   { return ReceiptKeyID(k.PublicKey), nil }
func (k receiptKey) Public() crypto.PublicKey { return k.PublicKey }

// ReceiptKeyID names a receipt key by the beginning of its SHA-256, in hex.
func ReceiptKeyID(key ed25519.PublicKey) string {
	return digestOf(key)[:16]
}

// VerifyReceipt checks a receipt offline: its statement is signed by key, its
// leaf is in the log whose checkpoints logKey checks (ledger.VerifierKey), and
// the leaf is the RELEASE of which the statement speaks. A release, unless nil,
// must be the bytes that were released. Anything else is ErrReceipt.
func VerifyReceipt(ctx context.Context, receipt []byte, key ed25519.PublicKey, logKey string, release []byte) (*Statement, error) {
	var r Receipt
	if err := json.Unmarshal(receipt, &r); err != nil {
		return nil, fmt.Errorf("%w: it is not a receipt", ErrReceipt)
	}
	verifier, err := dsse.NewEnvelopeVerifier(receiptKey{key})
	if err != nil {
		return nil, err
	}
	if _, err := verifier.Verify(ctx, &r.Envelope); err != nil || r.Envelope.PayloadType != ReceiptType {
		return nil, fmt.Errorf("%w: its statement is not signed by the receipt key", ErrReceipt)
	}
	payload, err := r.Envelope.DecodeB64Payload()
	var s Statement
	if err != nil || json.Unmarshal(payload, &s) != nil {
		return nil, fmt.Errorf("%w: it has no statement", ErrReceipt)
	}
	if err := ledger.VerifyProof(r.Proof, r.Leaf, logKey); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrReceipt, err)
	}
	leaf, err := ledger.Decode(r.Leaf)
	if err != nil {
		return nil, fmt.Errorf("%w: its leaf cannot be read", ErrReceipt)
	}
	population, _, _ := strings.Cut(logKey, "+")
	rel, ok := leaf.Body.(*ledger.Release)
	switch {
	case !ok, leaf.Index != r.Proof.Index, leaf.Index != s.ReleaseLeaf, rel.Charge != s.ChargeLeaf,
		rel.ID != s.Release, rel.Digest != s.Digest, population != s.Population:
		return nil, fmt.Errorf("%w: the statement and the leaf differ", ErrReceipt)
	case release != nil && digestOf(release) != s.Digest:
		return nil, fmt.Errorf("%w: the release is not the one that was logged", ErrReceipt)
	}
	return &s, nil
}
