package ledger

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/qunxiang/qunxiang/policy/witness"
)

// Prover proves that the log's first old leaves are the beginning of its first size
// leaves: RFC 6962 section 2.1.2.
type Prover = func(ctx context.Context, old, size int64) ([]tlog.Hash, error)

// Witness keeps the newest checkpoint outside the log's own disk. It asks a quorum of
// witnesses (C2SP tlog-witness), keeps a copy elsewhere, or both. What it gives back the
// ledger verifies itself: a copy stands in for no quorum.
type Witness interface {
	// Cosign makes the checkpoint known outside and gives it with the signatures that
	// it got, of by.Quorum of the witnesses by.Keys at least; none where by is empty.
	// ErrRolledBack says that a longer or another log is known there; any other error
	// that the witnesses are out of reach. It bounds its own time.
	Cosign(ctx context.Context, by Witnesses, checkpoint []byte, prove Prover) ([]byte, error)
	// Newest are the newest checkpoints known outside: to the witnesses by and to the copy,
	// none where they know of none. An error says that it cannot be told now: too few of
	// the witnesses answer to be sure, or the copy cannot be read or is gone. What is known
	// all the same comes with it.
	Newest(ctx context.Context, by Witnesses) ([][]byte, error)
}

// Contact is how old a cosignature may be for a charge to be admitted: so long nobody can
// tell whether the quorum is still in reach.
const Contact = time.Minute

// outside is what the ledger knows of its witness.
type outside struct {
	by     Witnesses // who cosigned the last time
	met    time.Time // when that was, zero for never
	away   error     // why they did not the last time they were asked; nil if they did
	failed int64     // leaves under the checkpoint that was not cosigned then
	tried  time.Time // when that was
}

// cosigners are the witnesses that the policy asks for, none in an evaluation domain.
func (g *Grant) cosigners() Witnesses {
	if g == nil || g.Mode != modeSupervised {
		return Witnesses{}
	}
	return g.Witnesses
}

func (w Witnesses) equal(o Witnesses) bool {
	return w.Quorum == o.Quorum && slices.Equal(w.Keys, o.Keys)
}

// cosignersAt are the witnesses of the newest policy among the first leaves: a policy
// takes effect with the checkpoint that covers its own GRANT, as the auditor has it.
func (s *State) cosignersAt(size int64) Witnesses {
	for _, p := range slices.Backward(s.history.policies) {
		if p.index < size {
			return p.cosigners()
		}
	}
	return Witnesses{}
}

// reach wants the quorum that the policy in force names to have cosigned a moment ago.
func (l *Ledger) reach() error {
	if _, err := l.signersAt(l.size+1, [32]byte{}); err != nil {
		return err
	}
	by := l.grant.cosigners()
	if err := l.believed(); err != nil {
		return err
	}
	if l.unmet != nil {
		return l.unmet
	}
	switch {
	case by.Quorum == 0:
		return l.outside.away // of a copy, where there is one
	case l.witness == nil:
		return fmt.Errorf("%w: none is configured", ErrQuorum)
	case l.outside.away != nil:
		return l.outside.away
	case !l.outside.by.equal(by):
		return fmt.Errorf("%w: those of the policy in force have not cosigned yet", ErrQuorum)
	case l.now().Sub(l.outside.met).Abs() > Contact:
		return fmt.Errorf("%w: nothing was heard of them for a minute", ErrQuorum)
	}
	return nil
}

// cosign gives a checkpoint with the signatures of the witnesses that the policy at its
// size asks for, ErrQuorum while they are away. Whoever finds that they have just been
// asked in vain does not ask again.
func (l *Ledger) cosign(x extent, text []byte, to int64) ([]byte, error) {
	l.mu.RLock()
	o, by, before := l.outside, l.cosignersAt(to), l.retiring(to)
	l.mu.RUnlock()
	switch {
	case l.witness == nil && by.Quorum == 0:
		return text, nil
	case l.witness == nil:
		return nil, fmt.Errorf("%w: none is configured", ErrQuorum)
	case o.away != nil && to <= o.failed && l.now().Sub(o.tried).Abs() < time.Second:
		return nil, o.away
	}
	prove := func(_ context.Context, old, size int64) ([]tlog.Hash, error) {
		return tlog.ProveTree(size, old, x.tree)
	}
	var signed []byte
	var found []witness.Cosignature
	err := l.retire(before, text, prove)
	if err == nil {
		signed, found, err = l.ask(by, text, prove)
	}
	if by.Quorum > 0 && !errors.Is(err, ErrRolledBack) {
		err = l.confirm(by, found, err)
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
		l.outside.by, l.outside.met = by, l.now()
	}
	return signed, err
}

// ask has witnesses cosign a checkpoint, and verifies what they give back.
func (l *Ledger) ask(by Witnesses, text []byte, prove Prover) (signed []byte, found []witness.Cosignature, err error) {
	if signed, err = l.witness.Cosign(context.Background(), by, text, prove); err == nil {
		found, err = l.verified(by, text, signed)
	}
	return signed, found, err
}

// verified holds what came back against what was sent, and its signatures against the
// keys and the quorum of the policy.
func (l *Ledger) verified(by Witnesses, sent, got []byte) ([]witness.Cosignature, error) {
	if !bytes.HasPrefix(got, sent) {
		return nil, errors.New("the witnesses gave back another checkpoint")
	}
	if by.Quorum == 0 {
		return nil, nil
	}
	needs, err := witness.NewPolicy(by.Keys, int(by.Quorum))
	if err != nil {
		return nil, err
	}
	return needs.Check(got, time.Unix(math.MaxInt32*1000, 0)) // of what time they are, confirm sees
}

// Away says why charges are not admitted for want of witnesses, nil if they are.
func (l *Ledger) Away() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reach()
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
