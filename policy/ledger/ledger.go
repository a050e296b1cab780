package ledger

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Options say where a ledger is and how it ends.
type Options struct {
	// Dir is the ledger's directory. Required.
	Dir string
	// Create lets Open begin a log where there is none; default false: no log is
	// ErrMissing. Only who makes a new domain may set it, because a log that is
	// begun again is a budget that is begun again.
	Create bool
	// Population is the log's origin and the first part of every scope: no
	// space, plus or slash. Required.
	Population string
	// Signer signs checkpoints. Required, unless it was lost.
	Signer ed25519.PrivateKey
	// Lost is the verifier key of a Signer that was lost. The log is read by it; nothing
	// is signed or charged before a KEY leaf puts another key in its place.
	Lost string
	// Known are verifier keys that signed checkpoints before Signer; default none.
	Known []string
	// Next are signers that KEY leaves have put, or may put, in place of Signer or
	// Second: see NewSigner. Default none.
	Next []Second
	// Second signs checkpoints too, by SM2; default nothing.
	Second Second
	// SecondLost says that there was a Second and that it was lost.
	SecondLost bool
	// Witness keeps the newest checkpoint outside; default nothing does. A policy that
	// names witnesses admits no charge without.
	Witness Witness
	// Vouched lets the log be written to before those outside were met, and other witnesses be
	// charged under though those before them do not know of it: somebody says that no newer
	// log exists than the one on this disk. Default false, see ErrUnmet.
	Vouched bool
	// Fatal is called once, after a failed write or fsync; in production it
	// ends the process. Required.
	Fatal func(error)
	// Now tells the time; default time.Now.
	Now func() time.Time
	// Uptime is a clock that nobody sets, by which a jump of Now is seen; default the
	// process's own where Now is the default, else none.
	Uptime func() time.Duration
	// FS is the file system; default OS.
	FS FS
}

// Ledger is an open log, the only one that may write to it. Its methods may be
// called from many goroutines; those that append return when the leaf is
// durable. They look at ctx only before they append: what is in the log is in
// the log.
type Ledger struct {
	*State // its lock also guards what follows
	dir    string
	fs     FS
	first  Second          // Options.Signer; nil where it was lost
	later  []Second        // that have a KEY leaf, or wait for it
	keys   []note.Verifier // of checkpoints of this log
	before []string        // verifier keys of Options: the one that signs, or signed first, and those before it
	now    func() time.Time
	fatal  func(error)
	lock   io.Closer
	held   io.Closer // the lock on the wal itself
	wal    File

	tree    tree
	ends    []int64 // where each record ends in the wal
	pending []byte  // records appended and not yet written
	durable int64   // leaves fsynced
	stopped error

	attempting sync.Mutex // one policy's attempt is logged at a time
	newest     []byte     // the newest checkpoint
	older      int64      // the size signed before the newest
	second     Second
	// secondLost is Options.SecondLost.
	secondLost bool
	witness    Witness
	outside    outside
	vouched    bool  // Options.Vouched
	unmet      error // why nothing is written yet, an ErrUnmet
	opened     time.Time
	signedAt   time.Time // when a checkpoint was last written, or the log opened
	clock      clockwork
	links      map[int64]string // heads of the SM3 chain, by size, from what is signed on
	flushing   sync.Mutex
	signing    sync.Mutex
}

// Charge takes a request's cost from all of its scopes, or from none. When it
// returns without error the charge is durable, and it is never given back.
// Scopes need not be in order. It refuses with ErrBudget (a *BudgetError),
// ErrGrant, ErrSuspended, ErrDuplicate, ErrSnapshot, ErrReserve, ErrNoCaps or ErrLeaf.
func (l *Ledger) Charge(ctx context.Context, c Charge) (int64, error) {
	return l.ChargeUnless(ctx, c, nil)
}

// ChargeUnless is Charge that is refused with ErrConflict where conflict holds for a
// charge in the log, durable or not; no charge comes between the look and the append.
// conflict must not call the ledger; nil holds for none.
func (l *Ledger) ChargeUnless(ctx context.Context, c Charge, conflict func(Charge) bool) (int64, error) {
	c = c.copy()
	slices.Sort(c.Scopes)
	c.Due, c.Rules = c.Due.UTC(), RulesNow
	return l.durablyIf(ctx, &c, func() error {
		if err := l.reach(); err != nil {
			return err
		}
		if conflict == nil {
			return nil
		}
		for _, r := range l.order {
			if conflict(r.Charge) {
				return fmt.Errorf("%w: charge %d", ErrConflict, r.Index)
			}
		}
		return nil
	})
}

// Release logs the one answer to a charge, whose bytes must be durable already,
// and returns once a checkpoint covers it. It is refused before the charge's
// slot (ErrEarly), more than Grace after it (ErrLate), a second time
// (ErrAlreadyReleased), after Abandon (ErrAbandoned) and where these bytes were released
// for another charge (ErrSameAnswer). ErrQuorum says that it is logged and waits for
// witnesses: see Deliver.
func (l *Ledger) Release(ctx context.Context, r Release) (int64, error) {
	index, err := l.durably(ctx, &r)
	if err != nil {
		return -1, err
	}
	return index, l.publish(index)
}

// Deliver has a checkpoint cover a release that waits for witnesses; ErrQuorum while
// they are away.
func (l *Ledger) Deliver(ctx context.Context, release int64) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return l.publish(release)
}

// Abandon closes a charge that will have no release. Like a release it waits
// for the slot (ErrEarly), so that its time says nothing about the run.
func (l *Ledger) Abandon(ctx context.Context, charge int64) (int64, error) {
	return l.durably(ctx, &Abandon{Charge: charge})
}

// Replay logs that a stored release is given to somebody.
func (l *Ledger) Replay(ctx context.Context, r Replay) (int64, error) {
	return l.durably(ctx, &r)
}

// Deny logs a refusal.
func (l *Ledger) Deny(ctx context.Context, d Deny) (int64, error) {
	return l.durably(ctx, &d)
}

// Snapshot logs that a snapshot was loaded, under a checkpoint.
func (l *Ledger) Snapshot(ctx context.Context, s Snapshot) (int64, error) {
	return l.published(ctx, &s)
}

// Resume lifts a template version's suspension, under a checkpoint. Outside
// evaluation it takes two people's approvals of Resumption.
func (l *Ledger) Resume(ctx context.Context, template string, by ...string) (int64, error) {
	r, err := l.Resumption(template, by...)
	if err != nil {
		return -1, err
	}
	return l.published(ctx, &r)
}

// Approve logs a person's statement, under a checkpoint. ErrApproval refuses one that is
// not signed by an approver, has expired, or is older than another of theirs.
func (l *Ledger) Approve(ctx context.Context, a Approve) (int64, error) {
	return l.published(ctx, &a)
}

// Delete logs that something may now be removed from the disk, under a checkpoint:
// log first, then remove. ErrRetention refuses what is to be kept still.
func (l *Ledger) Delete(ctx context.Context, d Delete) (int64, error) {
	return l.published(ctx, &d)
}

// Audit logs a look at the noise of what was released, under a checkpoint.
func (l *Ledger) Audit(ctx context.Context, a Audit) (int64, error) {
	return l.published(ctx, &a)
}

// Grant puts a policy in force, under a checkpoint. One equal to the newest is
// not logged again: its index is returned. What it replaces is filled in. ErrCapRaised
// refuses a higher cap.
func (l *Ledger) Grant(ctx context.Context, g Grant) (int64, error) {
	l.mu.RLock()
	index, same := l.grantIndex, l.grant != nil && l.grant.same(g)
	l.mu.RUnlock()
	if same {
		if err := l.publish(index); !errors.Is(err, ErrQuorum) {
			return index, err
		}
		return index, nil
	}
	g = g.copy()
	return l.publishedIf(ctx, &g, func() error {
		g.Replaces = l.replaced()
		return nil
	})
}

// same says whether two leaves put the same policy in force, whatever was before.
func (g *Grant) same(o Grant) bool { return reflect.DeepEqual(normal(*g), normal(o)) }

// normal makes empty lists equal to missing ones.
func normal(g Grant) Grant {
	g = g.copy()
	g.Replaces = -1
	if len(g.Grants) == 0 {
		g.Grants = nil
	}
	for i := range g.Grants {
		e := &g.Grants[i]
		e.Templates, e.Purposes = append([]string{}, e.Templates...), append([]string{}, e.Purposes...)
	}
	return g
}

// Reserve sets a training job's whole cost aside in all of its scopes, or in none. When
// it returns without error the RESERVE is durable. Scopes need not be in order. It
// refuses with ErrBudget (a *BudgetError), ErrGrant, ErrSuspended, ErrDuplicate,
// ErrReserve past its last day, ErrNoCaps or ErrLeaf.
func (l *Ledger) Reserve(ctx context.Context, r Reserve) (int64, error) {
	r.Scopes = slices.Clone(r.Scopes)
	slices.Sort(r.Scopes)
	r.Rules = RulesNow
	return l.durablyIf(ctx, &r, l.reach)
}

// CloseReserve ends a reservation, given by its RESERVE leaf, durably: what was not
// charged is free again. ErrUnknown for none, ErrReserve for a second time.
func (l *Ledger) CloseReserve(ctx context.Context, reserve int64) (int64, error) {
	return l.durably(ctx, &Close{Reserve: reserve})
}

// Checkpoint brings the checkpoint up to the newest durable leaf and gives its
// text, a signed note.
func (l *Ledger) Checkpoint(ctx context.Context) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := l.publish(l.Size() - 1); err != nil {
		return nil, err
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	return slices.Clone(l.newest), nil
}

// Leaf reads a leaf back from the log, with the bytes that stand in the tree.
func (l *Ledger) Leaf(index int64) (Leaf, []byte, error) {
	l.mu.RLock()
	x, durable := l.extent(), l.durable
	l.mu.RUnlock()
	if index >= durable {
		return Leaf{}, nil, fmt.Errorf("%w: leaf %d", ErrUnknown, index)
	}
	raw, err := x.raw(index)
	if err != nil {
		return Leaf{}, nil, err
	}
	leaf, err := Decode(raw)
	return leaf, raw, err
}

// Close signs a last checkpoint and gives up the lock. Open charges stay open
// and become ABANDON at the next Open.
func (l *Ledger) Close() error {
	err := l.publish(l.Size() - 1)
	if errors.Is(err, ErrQuorum) {
		err = nil // what is durable is cosigned after the next Open
	}
	l.mu.Lock()
	if l.stopped == nil {
		l.stopped = ErrStopped
	}
	l.mu.Unlock()
	return l.shut(err)
}
