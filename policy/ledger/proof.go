package ledger

import (
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Proof shows, without the log, that a leaf is in it: RFC 6962 section 2.1.1.
type Proof struct {
	Index      int64       `json:"index"`
	Size       int64       `json:"size"`       // leaves under the checkpoint
	Hashes     []tlog.Hash `json:"hashes"`     // base64 in JSON
	Checkpoint string      `json:"checkpoint"` // signed note
}

// Proof proves a leaf under the newest checkpoint. It is ErrUnknown for a leaf
// that no checkpoint covers yet.
func (l *Ledger) Proof(index int64) (Proof, error) {
	p, err := l.Proofs(index)
	if err != nil {
		return Proof{}, err
	}
	return p[0], nil
}

// Proofs proves several leaves under one checkpoint, the newest. It is ErrUnknown where
// one of them is under none yet.
func (l *Ledger) Proofs(indices ...int64) ([]Proof, error) {
	l.mu.RLock()
	t, size, text := l.tree, l.signed, string(l.newest)
	l.mu.RUnlock()
	out := make([]Proof, len(indices))
	for i, index := range indices {
		if index < 0 || index >= size {
			return nil, fmt.Errorf("%w: leaf %d is under no checkpoint", ErrUnknown, index)
		}
		hashes, err := tlog.ProveRecord(size, index, t)
		if err != nil {
			return nil, err
		}
		out[i] = Proof{Index: index, Size: size, Hashes: hashes, Checkpoint: text}
	}
	return out, nil
}

// VerifyProof checks that the leaf's bytes stand at the proof's index in the
// log whose checkpoints the key checks (VerifierKey). Anything else is ErrProof.
func VerifyProof(p Proof, leaf []byte, key string) error {
	v, err := note.NewVerifier(key)
	if err != nil {
		return fmt.Errorf("%w: verifier key: %w", ErrProof, err)
	}
	tree, err := openCheckpoint([]byte(p.Checkpoint), v)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	if p.Size != tree.N || p.Index < 0 || p.Index >= p.Size {
		return fmt.Errorf("%w: sizes differ", ErrProof)
	}
	if err := tlog.CheckRecord(p.Hashes, tree.N, tree.Hash, p.Index, tlog.RecordHash(leaf)); err != nil {
		return fmt.Errorf("%w: leaf %d", ErrProof, p.Index)
	}
	return nil
}

// Root is the root of the tree of the first size leaves: RFC 6962 section 2.1. It is
// ErrUnknown for no leaves, and for more than the log has.
func (l *Ledger) Root(size int64) ([32]byte, error) {
	l.mu.RLock()
	t, leaves := l.tree, l.durable
	l.mu.RUnlock()
	if size < 1 || size > leaves {
		return [32]byte{}, fmt.Errorf("%w: %d leaves of %d", ErrUnknown, size, leaves)
	}
	then, err := t.at(size)
	return then.Hash, err
}

// Consistency shows that a smaller tree of the log is the beginning of a larger one:
// RFC 6962 section 2.1.2.
type Consistency []tlog.Hash

// Consistency proves the first size leaves against a proof's checkpoint. It is
// ErrUnknown for no leaves, and for more than are under the checkpoint.
func (l *Ledger) Consistency(size int64, p Proof) (Consistency, error) {
	l.mu.RLock()
	t, signed := l.tree, l.signed
	l.mu.RUnlock()
	if size < 1 || size > p.Size || p.Size > signed {
		return nil, fmt.Errorf("%w: %d leaves of %d", ErrUnknown, size, p.Size)
	}
	hashes, err := tlog.ProveTree(p.Size, size, t)
	return Consistency(hashes), err
}

// VerifyConsistency checks that the tree of so many leaves, with this root, is the
// beginning of the log under a proof's checkpoint, which the key checks. Anything else is
// ErrProof.
func VerifyConsistency(c Consistency, size int64, root [32]byte, p Proof, key string) error {
	v, err := note.NewVerifier(key)
	if err != nil {
		return fmt.Errorf("%w: verifier key: %w", ErrProof, err)
	}
	tree, err := openCheckpoint([]byte(p.Checkpoint), v)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	if size < 1 || size > tree.N {
		return fmt.Errorf("%w: sizes differ", ErrProof)
	}
	if err := tlog.CheckTree(tlog.TreeProof(c), tree.N, tree.Hash, size, tlog.Hash(root)); err != nil {
		return fmt.Errorf("%w: another log of %d leaves", ErrProof, size)
	}
	return nil
}

// VerifyGrown checks that the log under one proof's checkpoint is the beginning of the
// log under another's, both by the same key. Anything else is ErrProof.
func VerifyGrown(c Consistency, from, to Proof, key string) error {
	v, err := note.NewVerifier(key)
	if err != nil {
		return fmt.Errorf("%w: verifier key: %w", ErrProof, err)
	}
	tree, err := openCheckpoint([]byte(from.Checkpoint), v)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrProof, err)
	}
	return VerifyConsistency(c, tree.N, tree.Hash, to, key)
}
