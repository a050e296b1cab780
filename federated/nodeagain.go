package federated

import (
	"context"
	"errors"
	"time"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// After the barrier an attempt is paid for, and bytes that came garbled are no reason to
// lose it: whoever made them has them stored. A node asks for what it could not take
// again, at the same place of the feed, and posts again what of its own share has not
// come back to it. Both go on, so many times in a share deadline, until the attempt is
// over. Two messages of a phase that a node has signed are no garbling: they are
// evidence, and end the job.

// agains is how often in a share deadline it is tried again.
const agains = 32

// lost is an item after the barrier that could not be taken as it came.
type lost struct {
	it Item
	at int
}

// pause is how long is waited before it is tried again.
func (n *Node) pause() time.Duration {
	return max(time.Second, time.Duration(n.o.Card.Deadlines.Share)*time.Second/agains)
}

// garbled says whether bytes that were refused after the barrier may come whole if they
// are asked for again. A share that opens to another than was confirmed is ErrShare: so
// its node has sealed it.
func garbled(err error) bool {
	return forged(err) || errors.Is(err, secagg.ErrWire) || errors.Is(err, secagg.ErrMissing)
}

// lose keeps an item that was refused, for another try.
func (n *Node) lose(t *try, it Item) {
	if t == nil || t.end == nil {
		return
	}
	if len(n.lost) == 0 {
		n.again = n.o.Now().Add(n.pause())
	}
	it.Body = nil
	n.lost = append(n.lost, lost{it, n.at.At})
}

// retry tries again what was garbled, when its time has come: what this node could not
// take, and what the coordinator could not take of this node.
func (n *Node) retry(ctx context.Context) error {
	if n.again.IsZero() || n.o.Now().Before(n.again) {
		return nil
	}
	n.again = n.o.Now().Add(n.pause())
	for _, t := range n.tries() {
		if err := n.repost(t); err != nil {
			return err
		}
	}
	list := n.lost
	n.lost = nil
	for _, x := range list {
		if n.stop != "" || n.tried(x.it.Attempt) == nil {
			continue
		}
		b, err := n.o.Transport.Fetch(ctx, Place{n.at.Epoch, x.at})
		if err != nil {
			n.lost = append(n.lost, x)
			continue
		}
		if err := n.take(ctx, x.it, b, func() { n.lost = append(n.lost, x) }); err != nil {
			return err
		}
	}
	return nil
}

// repost posts again, as stored, what of the own share and result is not in the feed.
func (n *Node) repost(t *try) error {
	if t.end == nil || t.spoiled {
		return nil
	}
	if !t.echoed[ownShare] {
		n.post(SortMessage, t.number, t.end.Share().Append(nil))
	}
	for k := range n.params.Chunks(n.plan.Cells()) {
		if t.echoed[k] {
			continue
		}
		p, err := t.end.Part(k)
		if err != nil {
			return err
		}
		n.post(SortPart, t.number, p.Append(nil))
	}
	if t.sum == nil || t.echoed[ownResult] {
		return nil
	}
	b, err := t.store.Get(messageName(secagg.PhaseResult, n.self))
	n.post(SortMessage, t.number, b)
	return err
}

// The own SHARE and RESULT, among the chunks of the share.
const (
	ownShare  = -1
	ownResult = -2
)

// echo notes that something of the own share is in the feed as it was sent.
func (t *try) echo(chunk int) {
	if t.echoed == nil {
		t.echoed = map[int]bool{}
	}
	t.echoed[chunk] = true
}
