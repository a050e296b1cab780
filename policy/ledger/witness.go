package ledger

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Prover proves that the log's first old leaves are the beginning of its first size
// leaves: RFC 6962 section 2.1.2.
type Prover = func(ctx context.Context, old, size int64) ([]tlog.Hash, error)

// Witness keeps the newest checkpoint outside the log's own disk. It is a quorum of
// witnesses (C2SP tlog-witness), a copy elsewhere, or both.
type Witness interface {
	// Cosign makes the checkpoint known outside and gives it with the signatures that
	// it got. ErrRolledBack says that a longer or another log is known there; any
	// other error that the witnesses are out of reach. It bounds its own time.
	Cosign(ctx context.Context, checkpoint []byte, prove Prover) ([]byte, error)
	// Newest is the newest checkpoint known outside, nil for none; an error that it
	// cannot be told now.
	Newest(ctx context.Context) ([]byte, error)
}

// Contact is how old a cosignature may be for a charge to be admitted: so long nobody can
// tell whether the quorum is still in reach.
const Contact = time.Minute

// outside is what the ledger knows of its witness.
type outside struct {
	met    time.Time // when it last cosigned, zero for never
	away   error     // why it did not the last time; nil if it did
	failed int64     // leaves under the checkpoint that it did not cosign then
	tried  time.Time // when that was
}

// reach wants the quorum that the policy in force names to have cosigned a moment ago.
func (l *Ledger) reach() error {
	if _, err := l.signersAt(l.size+1, [32]byte{}); err != nil {
		return err
	}
	switch {
	case l.grant == nil || l.grant.Mode == modeEvaluation && l.witness == nil:
		return nil
	case l.witness == nil:
		return fmt.Errorf("%w: none is configured", ErrQuorum)
	case l.outside.away != nil:
		return l.outside.away
	case l.now().Sub(l.outside.met) > Contact:
		return fmt.Errorf("%w: nothing was heard of them for a minute", ErrQuorum)
	}
	return nil
}

// cosign gives a checkpoint with its witnesses' signatures, ErrQuorum while they are away.
// Whoever finds that they have just been asked in vain does not ask again.
func (l *Ledger) cosign(x extent, text []byte, to int64) ([]byte, error) {
	l.mu.RLock()
	o, supervised := l.outside, l.grant != nil && l.grant.Mode == modeSupervised
	l.mu.RUnlock()
	switch {
	case l.witness == nil && !supervised:
		return text, nil
	case l.witness == nil:
		return nil, fmt.Errorf("%w: none is configured", ErrQuorum)
	case o.away != nil && to <= o.failed && l.now().Sub(o.tried) < time.Second:
		return nil, o.away
	}
	signed, err := l.witness.Cosign(context.Background(), text, func(_ context.Context, old, size int64) ([]tlog.Hash, error) {
		return tlog.ProveTree(size, old, x.tree)
	})
	if err == nil {
		err = sameNote(text, signed)
	}
	switch {
	case errors.Is(err, ErrRolledBack):
		return nil, err
	case err != nil:
		err = fmt.Errorf("%w: %w", ErrQuorum, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outside.away, l.outside.failed, l.outside.tried = err, to, l.now()
	if err == nil {
		l.outside.met = l.now()
	}
	return signed, err
}

// sameNote holds what came back against what was sent: the same note with more signatures.
func sameNote(sent, got []byte) error {
	if len(got) < len(sent) || string(got[:len(sent)]) != string(sent) {
		return errors.New("the witnesses gave back another checkpoint")
	}
	return nil
}

// Meet asks the witnesses to cosign what is durable, also where nothing is new, so that it
// is known whether they are in reach; releases that wait for them are then delivered. A
// server calls it several times within Contact. ErrQuorum while they are away.
func (l *Ledger) Meet(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.signing.Lock()
	defer l.signing.Unlock()
	return l.advance()
}

// Away says why charges are not admitted for want of witnesses, nil if they are.
func (l *Ledger) Away() error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.reach()
}

// remembered holds the log against what is known outside, before anything is appended to
// it. Who cannot be asked now is asked again before the next charge.
func (l *Ledger) remembered() error {
	if l.witness == nil {
		return nil
	}
	text, err := l.witness.Newest(context.Background())
	if errors.Is(err, ErrRolledBack) {
		return err
	}
	if err != nil || text == nil {
		return nil
	}
	return remembers(l.tree, l.size, text, l.keys)
}

// remembers holds a log against a checkpoint that is known outside.
func remembers(t tree, size int64, text []byte, keys []note.Verifier) error {
	known, _, err := openSigned(text, keys...)
	if err != nil {
		return fmt.Errorf("%w: the checkpoint kept outside: %w", ErrRolledBack, err)
	}
	if known.N > size {
		return fmt.Errorf("%w: %d leaves here, %d are known outside", ErrRolledBack, size, known.N)
	}
	root, err := t.at(known.N)
	if err == nil && root.Hash != known.Hash {
		err = fmt.Errorf("%w: its first %d leaves are not those known outside", ErrRolledBack, known.N)
	}
	return err
}

// Second signs checkpoints beside the Ed25519 key, for one head of the SM3 chain.
type Second = func(head [32]byte) note.Signer

// headAt is the head of the SM3 chain after so many leaves, which Ledger keeps for the
// sizes that are not signed yet.
func (l *Ledger) headAt(size int64) (head [32]byte) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	_, _ = hex.Decode(head[:], []byte(l.links[size])) // of its own making
	return head
}

// writeCheckpoint signs a checkpoint, has it cosigned, and only then lets readers see it.
func (l *Ledger) writeCheckpoint(x extent, size int64) ([]byte, error) {
	root, err := x.tree.at(size)
	if err != nil {
		return nil, err
	}
	head := l.headAt(size)
	l.mu.RLock()
	signers, err := l.signersAt(size, head)
	l.mu.RUnlock()
	if err != nil {
		return nil, err
	}
	text, err := signCheckpoint(l.population, root, signers...)
	if err != nil {
		return nil, err
	}
	if text, err = l.cosign(x, text, size); err != nil {
		return nil, err
	}
	if err := l.handOver(x, size, text); err != nil {
		return nil, err
	}
	return text, replaceFile(l.fs, filepath.Join(l.dir, checkpointName), text)
}
