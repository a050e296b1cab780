package witness

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// A policy is told of a further key of a log that it knows, and of nothing else; the
// policy it came from stays as it was.
func TestTrustWith(t *testing.T) {
	first, next, other := newEdKey(t, "town", "first"), newEdKey(t, "town", "next"), newEdKey(t, "elsewhere", "other")
	p, err := ParseTrust([]byte("log " + first.text + "\nquorum none\n"))
	must(t, err)
	text, err := note.Sign(&note.Note{Text: Checkpoint{Origin: "town", Root: emptyRoot()}.Text()}, next)
	must(t, err)
	more, err := p.With(next.text)
	must(t, err)
	seen, err := more.Open(text, time.Now())
	if err != nil || len(seen.Ed25519) != 1 || seen.Ed25519[0] != next.text {
		t.Errorf("%+v %v", seen, err)
	}
	if _, err := p.Open(text, time.Now()); !errors.Is(err, ErrSignature) {
		t.Errorf("the first policy has changed: %v", err)
	}
	if same, err := more.With(first.text); err != nil || same != more {
		t.Errorf("a key that it has: %v", err)
	}
	sm2, err := NewSM2Signer("town", bytes.Repeat([]byte{4}, 32))
	must(t, err)
	both, err := more.With(sm2.VerifierKey())
	must(t, err)
	if _, err := both.Open(text, time.Now()); !errors.Is(err, ErrSecond) {
		t.Errorf("an SM2 key that is known is not asked for: %v", err)
	}
	cosigner, err := NewCosigner("town", bytes.Repeat([]byte{5}, 32), nil)
	must(t, err)
	for _, bad := range []string{other.text, cosigner.VerifierKey(), "", "town+00000000+AAAA"} {
		if _, err := p.With(bad); !errors.Is(err, ErrKey) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// A quorum takes checkpoints by a log's new key once it knows it; the witnesses have to
// know it for themselves.
func TestQuorumKnowsKey(t *testing.T) {
	key, next := newEdKey(t, origin, "log"), newEdKey(t, origin, "the next")
	q, _ := quorumOf(t, key, 2, threePeers(t, key)...)
	l := newTree(t, next).grow(t, 3, "")
	if _, err := q.Cosign(ctx, l.checkpoint(t), l.prove); !errors.Is(err, ErrSignature) {
		t.Errorf("a checkpoint by a stranger's key: %v", err)
	}
	must(t, q.Know(next.text))
	must(t, q.Know(next.text))
	var short *QuorumError
	if _, err := q.Cosign(ctx, l.checkpoint(t), l.prove); !errors.As(err, &short) {
		t.Errorf("witnesses that do not know the key have cosigned: %v", err)
	}
	if err := q.Know("no key"); !errors.Is(err, ErrKey) {
		t.Errorf("what is no key: %v", err)
	}
	old := newTree(t, key).grow(t, 3, "")
	if _, err := q.Cosign(ctx, old.checkpoint(t), old.prove); err != nil {
		t.Errorf("by the first key: %v", err)
	}
}
