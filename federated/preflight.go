package federated

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// Preflight checks, for an owner who is about to approve, what [OpenNode] checks:
// name and key on the card, limits, room in the ledger, and the data against the
// contract. It gives what the job costs at most, every spare used. Nothing is written or
// sent; o needs no folder, approval or transport. Errors are OpenNode's, and a
// *glm.FieldError for data that break the contract.
func Preflight(ctx context.Context, o NodeOptions) (whole dp.Cost, err error) {
	n, err := look(o)
	if err != nil {
		return whole, err
	}
	if err := n.admit(ctx, o.Books.Room); err != nil {
		return n.whole, err
	}
	return n.whole, n.read(ctx)
}

// Rehearse is [Node.DryRun] without opening the job: before the approval, or beside
// the process that runs it. It follows the closed rounds in o.Dir, if that is not "".
// Nothing is written or sent; errors are those of Preflight, but that limits and ledger
// are not asked.
func Rehearse(ctx context.Context, o NodeOptions) (*DryRun, error) {
	n, err := look(o)
	if err != nil {
		return nil, err
	}
	for n.dir = folder(o.Dir); o.Dir != "" && n.round < n.work.Rounds(); n.round++ {
		b, err := n.dir.Get(roundName(n.round))
		if errors.Is(err, secagg.ErrMissing) {
			break
		}
		if err != nil || len(b) != 8 {
			return nil, errors.Join(err, ErrWire)
		}
		raw, err := n.dir.Get(filepath.Join(attemptName(binary.BigEndian.Uint64(b)), "sum"))
		if err != nil {
			return nil, err
		}
		if n.beta, _, _, err = advance(n.work, n.round, n.beta, parseSum(raw)); err != nil {
			return nil, err
		}
	}
	if n.round == n.work.Rounds() {
		return nil, fmt.Errorf("%w: it is done, there is nothing to send", ErrStopped)
	}
	if err := n.read(ctx); err != nil {
		return nil, err
	}
	return n.DryRun()
}

// look compiles a job that is not opened.
func look(o NodeOptions) (*Node, error) {
	if o.Card == nil || o.Key == nil || o.Books == nil || o.Rows == nil {
		return nil, fmt.Errorf("%w: card, key, books and rows are needed", ErrOptions)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Epoch == nil {
		o.Epoch = dayOf(o.Now)
	}
	n := &Node{o: o, self: o.Card.Place(o.Name), roster: o.Card.Roster()}
	if n.self < 0 || !sameKey(o.Key, o.Card.Nodes[n.self].Key) {
		return nil, fmt.Errorf("%w: the key is not that of %q on the card", ErrOptions, o.Name)
	}
	return n, n.compile()
}

// dayOf counts days as epochs are counted.
func dayOf(now func() time.Time) func() int64 {
	return func() int64 { return now().Add(8*time.Hour).Unix() / int64(24*time.Hour/time.Second) }
}

// read reads the rows and holds them to the contract. Rows that were read while the
// epoch changed are read again: the charge must name the one they are of.
func (n *Node) read(ctx context.Context) error {
	for {
		epoch := n.o.Epoch()
		rows, err := n.o.Rows(ctx)
		if err != nil {
			return err
		}
		if n.o.Epoch() != epoch {
			continue
		}
		n.data, err = n.work.NewData(rows)
		n.epoch = epoch
		return err
	}
}

// admit holds the whole job to the operator's limits and the ledger: ask is Room or
// Reserve of the books.
func (n *Node) admit(ctx context.Context, ask func(context.Context, Aside) error) error {
	if err := n.o.Limits.allow(n.whole, n.o.Books.Others(n.job)); err != nil {
		return err
	}
	return ask(ctx, n.o.Card.aside(n.job, n.whole))
}

// Aside is what every node of a job sets aside, as far as the card says it; it touches no
// data. ErrCard for a card that is none.
func (c *Card) Aside() (Aside, error) {
	job, err := c.Digest()
	if err != nil {
		return Aside{}, err
	}
	plan, _, err := c.trainer()
	if err != nil {
		return Aside{}, err
	}
	whole, err := wholeCost(plan)
	return c.aside(job, whole), err
}

func (c *Card) aside(job secagg.Hash, whole dp.Cost) Aside {
	return Aside{Job: job, Source: c.Source, Purpose: c.Purpose, Whole: whole, Until: c.Until}
}
