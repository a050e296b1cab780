package federated

import (
	"errors"

	"github.com/qunxiang/qunxiang/federated/journal"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// heard notes that a node has sent the SHARE of an attempt: it has charged since it
// showed its mark there, so that every mark it shows later is beyond that one. A node
// restored from a backup shows the same again, whoever else has shared.
func (n *Node) heard(t *try, node int) error {
	shown, err := n.shown(t.store, node)
	if err != nil {
		return err
	}
	err = n.journal.Shared(t.number, node, shown)
	if errors.Is(err, journal.ErrRollback) {
		return n.failed(err)
	}
	return err
}

// shown is the mark of a node's ledger in an attempt's HELLO.
func (n *Node) shown(attempt folder, node int) (secagg.Mark, error) {
	b, err := attempt.Get(messageName(secagg.PhaseHello, node))
	if err != nil {
		return secagg.Mark{}, err
	}
	m, err := n.shape().ParseMessage(b)
	if err != nil {
		return secagg.Mark{}, err
	}
	return secagg.HelloMark(m)
}
