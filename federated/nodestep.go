package federated

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// greet sends what every coordinator of the job must have: it may have been put back to
// an earlier time.
func (n *Node) greet() error {
	b, err := canonical(n.o.Approval)
	if err != nil {
		return err
	}
	n.post(SortApproval, 0, b)
	return n.say(NoticeReady, "")
}

// say queues a notice.
func (n *Node) say(kind, text string) error {
	word, err := makeNotice(n.job, n.o.Name, kind, text, n.o.Key)
	if err != nil {
		return err
	}
	b, err := canonical(word)
	n.post(SortNotice, 0, b)
	return err
}

func (n *Node) post(s Sort, attempt uint64, b []byte) {
	n.out = append(n.out, Posting{s, attempt, b})
}

// Step does one short turn: it sends what is to be sent, reads what is new, and does
// what follows. progress is false when there was nothing to do, and during a silence: see
// [Node.Silent]. ErrStopped is final; after a failed disk (see Err) the node has to be
// opened again, and does nothing more; after any other error call it again later.
func (n *Node) Step(ctx context.Context) (progress bool, err error) {
	if n.failure != nil {
		return false, n.failure
	}
	if n.Silent() > 0 {
		return false, nil
	}
	progress, err = n.step(ctx)
	return progress, n.kept(err)
}

func (n *Node) step(ctx context.Context) (progress bool, err error) {
	sent, err := n.flush(ctx)
	if err != nil && n.done {
		n.out, err = nil, nil // it needs nobody any more
	}
	if err != nil {
		return sent, err
	}
	if err := n.o.Books.Settle(ctx, n.job, n.results); err != nil {
		return sent, err
	}
	if n.stop != "" {
		return sent, fmt.Errorf("%w: %s", ErrStopped, n.stop)
	}
	items, next, err := n.o.Transport.Poll(ctx, n.at)
	if err != nil && n.done {
		return sent, nil // it needs nobody any more
	}
	if err != nil {
		return sent, err
	}
	if next.Epoch != n.at.Epoch {
		n.echoes = map[uint64]*echo{}
		n.owes = n.owes || n.at.Epoch != 0
		n.at, n.lost = Place{Epoch: next.Epoch}, nil
	}
	if n.owes && !n.done && n.mayResend() {
		n.owes = false
		if err := n.resend(); err != nil {
			return sent, err
		}
	}
	for _, it := range items {
		n.hear(it)
		if n.done {
			n.at.At++
			continue
		}
		if err := n.handle(ctx, it); err != nil {
			return true, err
		}
		n.at.At++
		if err := n.act(ctx); err != nil {
			return true, err
		}
		if n.stop != "" || n.done {
			return true, nil
		}
	}
	if len(items) == 0 {
		if err := n.repeat(); err != nil {
			return sent, err
		}
		if err := n.retry(ctx); err != nil {
			return sent, err
		}
	}
	if n.done {
		return sent || len(items) > 0 || len(n.out) > 0, nil
	}
	if err := n.act(ctx); err != nil {
		return true, err
	}
	return sent || len(items) > 0 || len(n.out) > 0, n.tick()
}

// maxResends is how often within the deadline of a phase a node sends everything again:
// a coordinator may be killed a few times in a row, but one that says so at every poll
// would have all ciphertexts at every poll.
const maxResends = 4

// mayResend counts a resend.
func (n *Node) mayResend() bool {
	now := n.o.Now()
	since := now.Add(-time.Duration(n.o.Card.Deadlines.Phase) * time.Second)
	n.resent = slices.DeleteFunc(n.resent, func(at time.Time) bool { return !at.After(since) })
	if len(n.resent) >= maxResends {
		return false
	}
	n.resent = append(n.resent, now)
	return true
}

// resend queues everything again that a coordinator which was started anew, perhaps
// from an old copy, may lack. What it has, it takes as the same.
func (n *Node) resend() error {
	n.out, n.early = nil, nil
	if n.stop != "" {
		return n.say(NoticeStopped, n.stop)
	}
	if err := n.greet(); err != nil {
		return err
	}
	for _, t := range n.tries() {
		if err := n.resendTry(t); err != nil {
			return err
		}
	}
	return nil
}

// resendTry queues what this node has said in an attempt, from the transcript.
func (n *Node) resendTry(t *try) error {
	for f := secagg.PhaseHello; f <= secagg.PhaseResult; f++ {
		if f == secagg.PhaseShare && t.end != nil {
			if err := n.share(t); err != nil {
				return err
			}
		}
		b, err := t.store.Get(messageName(f, n.self))
		if errors.Is(err, secagg.ErrMissing) || f == secagg.PhaseShare {
			continue
		}
		if err != nil {
			return err
		}
		n.post(SortMessage, t.number, b)
		for k := 0; f == secagg.PhaseCT && k < n.params.Chunks(n.plan.Cells()); k++ {
			for kind := secagg.C0; kind <= secagg.C1; kind++ {
				b, err := t.store.Get(partName(kind, n.self, k))
				if err != nil {
					return err
				}
				n.post(SortPart, t.number, b)
			}
		}
	}
	return nil
}

// Run calls Step until the job is done or has stopped, waiting between calls that had
// nothing to do or failed. It goes on until the charges' slots have passed, so that the
// ledger is closed too. ErrStopped with the reason, ctx's error, or one that needs the
// node to be opened again.
func (n *Node) Run(ctx context.Context, wait time.Duration) error {
	for {
		moved, err := n.Step(ctx)
		switch {
		case errors.Is(err, ErrStopped), n.Err() != nil:
			return err
		case err == nil && n.done && !moved && n.o.Books.Settled(n.job):
			return nil
		case err != nil:
			n.o.Log("later again: " + err.Error())
		case moved:
			continue
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(n.Rest(wait)):
		}
	}
}

// flush posts what is queued, in order. What comes before its phase, at a coordinator
// that was put back to an earlier one, is kept for the next turn while its attempt is
// open: dropped, it would burn an attempt that everybody has paid for.
func (n *Node) flush(ctx context.Context) (sent bool, err error) {
	n.out, n.early = append(n.early, n.out...), nil
	for len(n.out) > 0 {
		p := n.out[0]
		switch err := n.o.Transport.Post(ctx, p); {
		case errors.Is(err, secagg.ErrOrder) && n.isOpen(p.Attempt):
			n.early = append(n.early, p)
		case err == nil || refusal(err):
			sent = true
		default:
			return sent, err
		}
		n.out = n.out[1:]
	}
	return sent, nil
}

// isOpen says whether an attempt may still give its sum.
func (n *Node) isOpen(attempt uint64) bool {
	return slices.ContainsFunc(n.tries(), func(t *try) bool { return t.number == attempt })
}

// refusal says that a posting will not be taken however often it is sent.
func refusal(err error) bool {
	for _, e := range []error{
		ErrRefused, ErrApproval, ErrWire, secagg.ErrEvidence, secagg.ErrContext, secagg.ErrOrder,
		secagg.ErrWire, secagg.ErrRoster, secagg.ErrSignature, secagg.ErrCommitment,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
