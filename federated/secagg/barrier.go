package secagg

import (
	"errors"
	"fmt"
)

// Cross crosses the barrier, once all CONFIRMs over the same transcript root are
// in. It seals this node's share and gives save the record that must be durable,
// in one write with the charge, before the share may leave (save must not change
// it): only if save returns nil is there a Combination, and the share leaves by it alone. Cross works once;
// whatever save returns, the attempt is over and its secrets are wiped. If save
// fails the record must be taken as possibly stored: read the journal again
// before a new attempt, and if the record is there, Resume it.
func (a *Attempt) Cross(save func(record []byte) error) (c *Combination, err error) {
	defer border(&err, a.end)
	switch {
	case a.closed != nil:
		return nil, a.shut()
	case a.phase != PhaseShare:
		return nil, fmt.Errorf("%w: no barrier in %v", ErrOrder, a.phase)
	}
	r, err := a.seal()
	if err != nil {
		return nil, a.end(err)
	}
	b := r.bytes(a.board.shape, a.o.Roster.Digest())
	_ = a.end(errCrossed)
	if err := save(b); err != nil {
		a.closed = fmt.Errorf("%w: %w", errUnsaved, err)
		return nil, a.shut()
	}
	return Resume(a.o, b)
}

var (
	errCrossed = errors.New("the barrier is crossed")
	errUnsaved = errors.New("the record was not saved")
)

// Root is the transcript root this node confirmed; zero before CONFIRM.
func (a *Attempt) Root() Hash { return a.root }

// Context is the context of the attempt after HELLO; zero before.
func (a *Attempt) Context() Hash { return a.ctx }

// Ledgers are the ledger marks that all nodes showed in HELLO, for the caller to
// keep as the next attempt's Seen; nil before all are in.
func (a *Attempt) Ledgers() []Mark {
	if a.phase == PhaseHello {
		return nil
	}
	marks := make([]Mark, len(a.hellos))
	for i, h := range a.hellos {
		marks[i] = h.ledger
	}
	return marks
}

// seal encrypts the shares under a random key and wraps that for every node.
func (a *Attempt) seal() (record, error) {
	r := record{
		open: a.open, self: a.o.Self, ctx: a.ctx, root: a.root,
		sealSecret: Hash(a.sealSecret.Bytes()), c0: a.commits[C0], shares: a.confirmed,
	}
	key, err := randomHash()
	if err != nil {
		return record{}, err
	}
	var body []byte
	for j, h := range a.hellos {
		kek, err := derive(a.sealSecret, h.seal, a.ctx, "wrap", a.o.Self, j)
		if err != nil {
			return record{}, err
		}
		wrapped, err := wrap(kek, key)
		if err != nil {
			return record{}, err
		}
		body = append(body, wrapped...)
		r.seals = append(r.seals, h.seal)
	}
	for k, share := range a.shares {
		sealed, err := sealPart(key, a.ctx, a.o.Self, k, share)
		if err != nil {
			return record{}, err
		}
		r.sealed = append(r.sealed, sealed)
		h := commitPart(a.ctx, Sealed, a.o.Self, k, sealed)
		body = append(body, h[:]...)
	}
	r.share, err = sign(a.o.Key, PhaseShare, a.ctx, a.o.Self, body)
	return r, err
}
