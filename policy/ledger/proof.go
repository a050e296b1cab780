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
	l.mu.RLock()
	t, size, text := l.tree, l.signed, string(l.newest)
	l.mu.RUnlock()
	if index < 0 || index >= size {
		return Proof{}, fmt.Errorf("%w: leaf %d is under no checkpoint", ErrUnknown, index)
	}
	hashes, err := tlog.ProveRecord(size, index, t)
	if err != nil {
		return Proof{}, err
	}
	return Proof{Index: index, Size: size, Hashes: hashes, Checkpoint: text}, nil
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
