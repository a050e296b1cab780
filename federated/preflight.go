package federated

import (
	"context"
	"fmt"

	"github.com/qunxiang/qunxiang/dp"
)

// Preflight checks, for an owner who is about to approve, what [OpenNode] checks:
// name and key on the card, limits, room in the ledger, and the data against the
// contract. It gives what the job costs at most, every spare used. Nothing is written or
// sent; o needs no folder, approval or transport. Errors are OpenNode's, and a
// *glm.FieldError for data that break the contract.
func Preflight(ctx context.Context, o NodeOptions) (whole dp.Cost, err error) {
	if o.Card == nil || o.Key == nil || o.Books == nil || o.Rows == nil {
		return whole, fmt.Errorf("%w: a preflight needs card, key, books and rows", ErrOptions)
	}
	n := &Node{o: o, self: o.Card.Place(o.Name), roster: o.Card.Roster()}
	if n.self < 0 || !sameKey(o.Key, o.Card.Nodes[n.self].Key) {
		return whole, fmt.Errorf("%w: the key is not that of %q on the card", ErrOptions, o.Name)
	}
	if err := n.compile(); err != nil {
		return whole, err
	}
	if err := n.admit(ctx); err != nil {
		return n.whole, err
	}
	rows, err := o.Rows(ctx)
	if err == nil {
		_, err = n.work.NewData(rows)
	}
	return n.whole, err
}

// admit holds the whole job to the operator's limits and the ledger.
func (n *Node) admit(ctx context.Context) error {
	if err := n.o.Limits.allow(n.whole, n.o.Books.Others(n.job)); err != nil {
		return err
	}
	return n.o.Books.Room(ctx, n.o.Card.Job, n.o.Card.Purpose, n.whole)
}

// Err is the failure of the disk after which the node has to be opened again, nil for
// none.
func (n *Node) Err() error { return n.journal.Err() }
