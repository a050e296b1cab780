package federated

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/qunxiang/qunxiang/federated/journal"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

func (n *Node) shape() secagg.Shape {
	return secagg.Shape{Params: n.params, Nodes: len(n.roster.Nodes), Length: n.plan.Cells()}
}

// body is an item's bytes.
func (n *Node) body(ctx context.Context, it Item) ([]byte, error) {
	if it.Body != nil {
		return it.Body, nil
	}
	return n.o.Transport.Fetch(ctx, n.at)
}

// handle takes one item of the feed. What does not prove itself is passed over: the
// coordinator cannot do worse by it than by sending nothing.
func (n *Node) handle(ctx context.Context, it Item) error {
	open := it.Sort == SortMessage && it.Phase == secagg.PhaseOpen
	t := n.tried(it.Attempt)
	if (it.Sort == SortMessage || it.Sort == SortPart) && !open && t == nil {
		return nil
	}
	b, err := n.body(ctx, it)
	if err != nil {
		return err
	}
	return n.take(ctx, it, b, func() { n.lose(t, it) })
}

// take takes the bytes of an item. Those that a crossed attempt could not take, and that
// may come whole another time, are told to lose.
func (n *Node) take(ctx context.Context, it Item, b []byte, lose func()) error {
	t := n.tried(it.Attempt)
	switch {
	case it.Sort == SortApproval:
		return n.takeApproval(b)
	case it.Sort == SortNotice:
		return n.takeNotice(b)
	case it.Sort == SortEnd:
		return n.Stop("the coordinator ended the job: " + string(b))
	case it.Sort == SortPart:
		p, err := n.shape().ParsePart(b)
		if err != nil {
			lose()
			return nil
		}
		return n.takePart(t, p, lose)
	case it.Sort != SortMessage:
		return nil
	}
	m, err := n.shape().ParseMessage(b)
	switch {
	case err != nil:
		lose()
		return nil
	case m.Phase == secagg.PhaseOpen:
		return n.takeOpen(ctx, m)
	case t == nil:
		return nil
	}
	return n.takeMessage(t, m, lose)
}

// tried is the try of a number, nil if it is over.
func (n *Node) tried(number uint64) *try {
	for _, t := range n.tries() {
		if t.number == number && !t.spoiled {
			return t
		}
	}
	return nil
}

// tries are the past ones and the newest.
func (n *Node) tries() []*try {
	list := slices.Clone(n.past)
	if n.try != nil {
		list = append(list, n.try)
	}
	return list
}

func (n *Node) takeApproval(b []byte) error {
	var a Approval
	if strictly(b, &a) != nil || a.Verify(n.o.Card) != nil {
		return nil
	}
	i := n.o.Card.Place(a.Node)
	if n.approved[i] {
		return nil
	}
	if err := n.dir.Put(approvalName(i), b); err != nil {
		return err
	}
	n.approved[i] = true
	return nil
}

// takeNotice: the loss of a node ends the job.
func (n *Node) takeNotice(b []byte) error {
	var w Notice
	if strictly(b, &w) != nil || w.Verify(n.o.Card) != nil || w.Kind == NoticeReady {
		return nil
	}
	if w.Kind == NoticeWaiting {
		if w.Node != n.o.Name {
			n.o.Log(fmt.Sprintf("%s waits for %s", w.Node, w.Text))
		}
		return nil
	}
	return n.Stop(fmt.Sprintf("%s %s: %s", w.Node, w.Kind, w.Text))
}

// takeOpen begins an attempt, if it is the one this node expects: N approvals on this
// very card, its own round and model, a number above all seen, and a spare left. A node
// that has the round's sum makes no other share for it: from the bytes it sent, and the
// coordinator has, everybody can have it.
func (n *Node) takeOpen(ctx context.Context, m secagg.Message) error {
	open, _, _, err := secagg.ParseOpen(m)
	if err != nil || open.Attempt <= n.journal.Highest() || len(n.approved) < len(n.roster.Nodes) || n.summed() {
		return nil
	}
	now := n.o.Now().UTC()
	if now.Format(time.DateOnly) > n.o.Card.Until {
		return n.Stop("the job's last day has passed")
	}
	if !n.o.Limits.open(now) {
		return n.put(m, WaitWindow)
	}
	if len(n.journal.Issued())-n.round > Spares {
		return n.Stop("the spare attempts are used up")
	}
	// Another job may have charged since this one was opened. The charge asks again; but
	// from here nobody loses an attempt by it, and the operator may still mend it.
	if err := n.o.Limits.allow(n.whole, n.o.Books.Others(n.job)); err != nil {
		return n.put(m, WaitLimits)
	}
	defer n.silence(now)       // from here on it takes a time that the rows have a part in
	if n.o.Epoch() > n.epoch { // opt-outs have come into force
		if err := n.reread(ctx); err != nil || n.stop != "" {
			return err
		}
	}
	mark, err := n.o.Books.Mark(ctx)
	if err != nil {
		return err
	}
	a, err := secagg.Begin(secagg.Options{
		Params: n.params, Roster: n.roster, Self: n.self, Key: n.o.Key, Highest: n.journal.Highest(), Ledger: mark,
		Expect: secagg.Open{Job: n.job, Model: n.beta.Hash(), Round: uint32(n.round), Length: uint32(n.plan.Cells())},
	}, m)
	if err != nil {
		if !n.refused { // once until an attempt begins: a coordinator could fill the log
			n.refused = true
			n.o.Log(fmt.Sprintf("attempt %d is refused: %v", open.Attempt, err))
		}
		return nil // nothing was left behind
	}
	if open.Attempt > journal.MaxAttempts {
		return n.Stop("too many attempts")
	}
	n.drop()
	if err := n.journal.Attempt(open.Attempt, mark); errors.Is(err, journal.ErrRollback) {
		return n.failed(err)
	} else if err != nil {
		return err
	}
	store, err := openFolder(n.o.Dir, attemptName(open.Attempt))
	if err != nil {
		return err
	}
	n.o.Log(fmt.Sprintf("attempt %d of round %d begins", open.Attempt, n.round+1))
	n.deferred, n.waits, n.refused = nil, "", false
	n.try = &try{number: open.Attempt, store: store, attempt: a, since: now, posted: map[secagg.Phase]bool{}}
	if err := store.Put("OPEN", m.Append(nil)); err != nil {
		return err
	}
	n.try.values, err = n.noisy()
	return err
}

// put keeps an OPEN that the operator's limits or windows do not let begin yet.
func (n *Node) put(open secagg.Message, reason string) error {
	open.Body = bytes.Clone(open.Body)
	n.deferred = &open
	return n.wait(reason)
}

// summed says whether this node has the sum of the open round.
func (n *Node) summed() bool {
	return slices.ContainsFunc(n.tries(), func(t *try) bool { return t.sum != nil })
}

// drop gives up the newest try: before the barrier its key is wiped; after it the share
// is out and charged, and the sum may still come.
func (n *Node) drop() {
	if n.try != nil && n.try.attempt != nil {
		_, _ = n.try.attempt.Abort(0)
		n.discard(n.try)
	} else if n.try != nil {
		n.past = append(n.past, n.try)
	}
	n.try = nil
}

// takeMessage gives the try a message and keeps it for the transcript.
func (n *Node) takeMessage(t *try, m secagg.Message, lose func()) error {
	if t.attempt != nil {
		if err := t.attempt.Receive(m); err != nil {
			return n.failed(err)
		}
		return t.store.Put(messageName(m.Phase, m.Node), m.Append(nil))
	}
	if t.end == nil || m.Phase < secagg.PhaseShare || m.Phase > secagg.PhaseResult {
		return nil
	}
	err := t.end.Receive(m)
	switch {
	case errors.Is(err, secagg.ErrResult):
		return n.Stop("node " + n.roster.Nodes[m.Node].Name + " reports another sum or model")
	case errors.Is(err, secagg.ErrEvidence):
		return n.failed(err)
	case errors.Is(err, secagg.ErrShare):
		return n.closedShare(m)
	case err != nil:
		if garbled(err) || m.Phase == secagg.PhaseResult && errors.Is(err, secagg.ErrOrder) {
			lose() // a result is compared with the own one, which may come later
		}
		return nil
	}
	if m.Node == n.self && m.Phase == secagg.PhaseShare {
		t.echo(ownShare)
	} else if m.Node == n.self {
		t.echo(ownResult)
	}
	if err := t.store.Put(messageName(m.Phase, m.Node), m.Append(nil)); err != nil || m.Phase != secagg.PhaseShare {
		return err
	}
	return n.heard(t, m.Node)
}

// closedShare ends the job over a SHARE that its node has signed, by whose own words its
// share does not open here or is not the one it confirmed. Without it there is no sum
// here, and nobody would say why.
func (n *Node) closedShare(m secagg.Message) error {
	if err := n.dir.Put(fmt.Sprintf("evidence-%v-%d", m.Phase, m.Node), m.Append(nil)); err != nil {
		return err
	}
	return n.Stop("node " + n.roster.Nodes[m.Node].Name + ": its share does not open here")
}

// takePart gives the try a part. A share is kept opened.
func (n *Node) takePart(t *try, p secagg.Part, lose func()) (err error) {
	switch {
	case t.attempt != nil && p.Kind == secagg.C1:
		err = t.attempt.ReceivePart(p)
	case t.end != nil && p.Kind == secagg.Sealed:
		from := p.Node
		if p, err = t.end.OpenShare(p); err == nil {
			err = t.end.ReceivePart(p)
		}
		if errors.Is(err, secagg.ErrShare) {
			b, gone := t.store.Get(messageName(secagg.PhaseShare, from))
			if gone != nil {
				return gone
			}
			m, unread := n.shape().ParseMessage(b)
			if unread != nil {
				return unread
			}
			return n.closedShare(m)
		}
	case t.end != nil && p.Kind == secagg.C0:
		err = t.end.ReceivePart(p)
	default:
		return nil
	}
	if err != nil {
		if t.end != nil && garbled(err) {
			lose()
		}
		return n.failed(err)
	}
	if p.Kind == secagg.Opened && p.Node == n.self {
		t.echo(p.Chunk)
	}
	return t.store.Put(partName(p.Kind, p.Node, p.Chunk), p.Append(nil))
}

// failed looks at why something was refused. A refusal alone changes nothing; an
// attempt that ended waits for the next; what only a cheat or an old backup explains
// ends the job.
func (n *Node) failed(err error) error {
	var e *secagg.Evidence
	switch {
	case errors.As(err, &e):
		both := append(secagg.Message{Statement: e.First}.Append(nil), secagg.Message{Statement: e.Second}.Append(nil)...)
		if err := n.dir.Put(fmt.Sprintf("evidence-%v-%d", e.First.Phase, e.First.Node), both); err != nil {
			return err
		}
		return n.Stop("node " + n.roster.Nodes[e.First.Node].Name + " signed two messages for one phase")
	case errors.Is(err, secagg.ErrRollback), errors.Is(err, journal.ErrRollback):
		return n.Stop("a ledger went back: restored from a backup?")
	case n.try != nil && n.try.attempt != nil && n.try.attempt.Err() != nil:
		n.o.Log(fmt.Sprintf("attempt %d has ended: %v", n.try.number, err))
		n.discard(n.try)
		n.try = nil
	case n.try != nil && !n.try.refused && forged(err):
		n.try.refused = true // once for each attempt: a coordinator could fill the log
		n.o.Log(fmt.Sprintf("attempt %d: refused what the coordinator handed on: %v", n.try.number, err))
	}
	return nil
}

// forged says that somebody on the way has changed what was refused, or made it up.
func forged(err error) bool {
	for _, e := range []error{secagg.ErrCommitment, secagg.ErrSignature, secagg.ErrContext, secagg.ErrRoster} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
