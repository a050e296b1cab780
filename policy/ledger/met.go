package ledger

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
)

// A log that was put back from an old disk is whole and signed: only those outside know of
// its end. Until they were met, once since the start, nothing is written to it but what
// closes charges: an approval that was given to an old log would be lost with it, and who
// gave it would not know.

// unmetError is the kind of ErrUnmet.
type unmetError struct{}

func (unmetError) Error() string {
	return "nothing is written before those who keep the newest checkpoint outside were met: the disk may be an old one"
}

// Is makes it wait as for witnesses: nothing is charged, and what is durable counts.
func (unmetError) Is(target error) bool { return target == ErrQuorum }

// ErrUnmet says that neither the witnesses nor the copy outside have been met since the log
// was opened, as far as there are any, so that nobody knows whether it is the newest. It is
// an ErrQuorum too. Charges that are open may be closed; no other leaf is taken.
var ErrUnmet error = unmetError{}

// remembered holds the log against what is known outside: to the witnesses of the policy
// that the newest checkpoint covers, to those of one that came after it, and to the copy.
// Who cannot be asked is asked again, and the log is not written to before. To cosign what
// there is now is no answer to this.
func (l *Ledger) remembered() error {
	l.mu.RLock()
	t, size, asked := l.tree, l.size, l.keepers()
	l.mu.RUnlock()
	var away error
	for _, by := range asked {
		known, err := l.knownTo(by)
		if errors.Is(err, ErrRolledBack) {
			return err
		}
		for _, text := range known {
			if err := remembers(t, size, text, l.keys); err != nil {
				return err
			}
		}
		away = errors.Join(away, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unmet = nil
	if away != nil && !l.vouched {
		l.unmet = fmt.Errorf("%w: %w", ErrUnmet, away)
	}
	return nil
}

// keepers are the witnesses of the policy that the newest checkpoint covers, and those of one
// that came after it, where they are others.
func (s *State) keepers() []Witnesses {
	asked := []Witnesses{s.cosignersAt(s.signed)}
	if newest := s.cosignersAt(s.size); !newest.equal(asked[0]) { // durable, and not signed
		asked = append(asked, newest)
	}
	return asked
}

// Keepers are the witnesses who know how far the log goes: first those of the policy that the
// newest checkpoint covers, who have cosigned it; then those of a policy that came after it,
// where they are others, who may have cosigned nothing yet. Quorum 0 stands for nobody.
func (s *State) Keepers() []Witnesses {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.keepers()
}

// knownTo are the newest checkpoints that are known outside, also to the witnesses by.
func (l *Ledger) knownTo(by Witnesses) ([][]byte, error) {
	switch {
	case l.witness != nil:
		return l.witness.Newest(context.Background(), by)
	case by.Quorum > 0:
		return nil, fmt.Errorf("%w: none is configured", ErrQuorum)
	}
	return nil, nil
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

// writable refuses, under the lock, what may not be written before those outside were met.
// An answer, or that there will be none, is to a charge that was made since: when the log was
// opened every open charge was abandoned.
func (l *Ledger) writable(b Body) error {
	switch b.Type() {
	case TypeRelease, TypeAbandon:
		return nil
	}
	return l.unmet
}

// Unmet says why nothing is written yet, an ErrUnmet; nil where the log is written to.
func (l *Ledger) Unmet() error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.unmet
}

// Meet asks the witnesses to cosign what is durable, also where nothing is new, so that it
// is known whether they are in reach; releases that wait for them are then delivered. Where
// those outside were not met before, the log is first held against what they know. A server
// calls it several times within Contact. ErrQuorum while they are away.
func (l *Ledger) Meet(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.signing.Lock()
	defer l.signing.Unlock()
	if l.Unmet() != nil {
		if err := l.remembered(); err != nil {
			return l.stop("hold the log against what is known outside", err)
		}
	}
	return l.advance()
}

// cover signs what was read, also where nothing is new: who signs may have changed.
func (l *Ledger) cover() error {
	l.signing.Lock()
	defer l.signing.Unlock()
	return l.advance()
}
