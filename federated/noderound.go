package federated

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// act does whatever the try is ready for.
func (n *Node) act(ctx context.Context) error {
	// What the limits hold back is looked at again when they are others.
	if n.deferred != nil && n.waits != WaitLimits && n.o.Limits.open(n.o.Now()) {
		m := *n.deferred
		n.deferred = nil
		if err := n.takeOpen(ctx, m); err != nil {
			return err
		}
	}
	if n.try != nil && n.try.attempt != nil {
		if err := n.speak(ctx); err != nil {
			return err
		}
	}
	for _, t := range n.tries() {
		if t.end == nil {
			continue
		}
		if closed, err := n.combine(ctx, t); err != nil || closed || n.stop != "" {
			return err
		}
	}
	return nil
}

// speak says what the attempt's phase asks for, and crosses the barrier.
func (n *Node) speak(ctx context.Context) error {
	t := n.try
	phase := t.attempt.Phase()
	if phase != t.phase {
		t.phase, t.since = phase, n.o.Now()
	}
	if phase > secagg.PhaseHello && !t.seen {
		if err := n.journal.Saw(t.number, t.attempt.Ledgers()); err != nil {
			return n.failed(err)
		}
		t.seen = true
	}
	switch {
	case phase == secagg.PhaseShare:
		return n.cross(ctx)
	case t.posted[phase]:
		return nil
	case phase == secagg.PhaseCTCom && !t.input:
		if err := n.input(); err != nil {
			return err
		}
	}
	m, err := t.attempt.Message()
	if err != nil {
		return n.failed(err)
	}
	if err := n.sendMessage(t, m); err != nil {
		return err
	}
	for k := 0; phase == secagg.PhaseCT && k < n.params.Chunks(n.plan.Cells()); k++ {
		for kind := secagg.C0; kind <= secagg.C1; kind++ {
			p, err := t.attempt.Part(kind, k)
			if err != nil {
				return n.failed(err)
			}
			if err := n.sendPart(t, p, p); err != nil {
				return err
			}
		}
	}
	t.posted[phase] = true
	return nil
}

// input gives the attempt what was worked out for it when it was opened: the own people
// at the model of the round, with noise drawn for this attempt alone.
func (n *Node) input() error {
	t := n.try
	if t.values == nil { // it failed then
		defer n.silence(n.o.Now())
		var err error
		if t.values, err = n.noisy(); err != nil {
			return err
		}
	}
	values := t.values
	t.values = nil
	defer clear(values)
	err := t.attempt.Input(values)
	if errors.Is(err, secagg.ErrRange) {
		return n.Stop("this node cannot go on") // why, would say something of the data
	}
	t.input = true
	return err
}

// noisy is what the node adds in the open round, with fresh noise.
func (n *Node) noisy() ([]int64, error) {
	sums, err := n.work.Encode(n.data, n.round, n.beta)
	if err != nil {
		return nil, err
	}
	noise, err := n.work.DrawNoise(n.round)
	if err != nil {
		return nil, err
	}
	return sums.Noisy(noise)
}

// cross makes the share, with its charge, and sends it.
func (n *Node) cross(ctx context.Context) error {
	t := n.try
	cost, err := n.plan.RoundCost(n.round)
	if err != nil {
		return err
	}
	sigmas, err := n.sigmas()
	if err != nil {
		return err
	}
	s := Spend{
		Job: n.job, Source: n.o.Card.Source, Purpose: n.o.Card.Purpose, Attempt: t.number, Root: t.attempt.Root(),
		Epoch: n.epoch, Cost: cost, Sigmas: sigmas, Alone: !n.o.Limits.SecondJob,
	}
	end, err := t.attempt.Cross(func(record []byte) error {
		return n.journal.Commit(t.number, record, func(digest string) (secagg.Mark, error) {
			s.Record = digest
			if err := n.o.Books.Charge(ctx, s); err != nil {
				return secagg.Mark{}, err
			}
			return n.o.Books.Mark(ctx)
		})
	})
	t.attempt = nil
	if errors.Is(err, ErrRefused) {
		n.try = nil
		return n.Stop("the ledger refuses the charge")
	}
	if err != nil {
		n.try = nil
		return err
	}
	t.end = end
	n.again = n.o.Now().Add(n.pause())
	n.o.Log(fmt.Sprintf("attempt %d: charged and shared", t.number))
	if err := n.share(t); err != nil {
		return err
	}
	return n.lineage(ctx) // whatever becomes of the attempt
}

// sigmas are the standard deviations of the round's noise by block.
func (n *Node) sigmas() (map[string]float64, error) {
	blocks, _, err := blocksOf(n.plan, n.round)
	out := map[string]float64{}
	for _, b := range blocks {
		out[b.Name] = b.Sigma
	}
	return out, err
}

// share sends the stored share.
func (n *Node) share(t *try) error {
	if err := n.sendMessage(t, t.end.Share()); err != nil {
		return err
	}
	for k := range n.params.Chunks(n.plan.Cells()) {
		p, err := t.end.Part(k)
		if err != nil {
			return err
		}
		opened, err := t.end.OpenShare(p)
		if err != nil {
			return err
		}
		if err := n.sendPart(t, p, opened); err != nil {
			return err
		}
	}
	return nil
}

// sendMessage keeps an own message for the transcript, whether or not its echo comes in
// time, and queues it.
func (n *Node) sendMessage(t *try, m secagg.Message) error {
	b := m.Append(nil)
	n.post(SortMessage, t.number, b)
	return t.store.Put(messageName(m.Phase, m.Node), b)
}

// sendPart queues a part; keep is what the transcript has of it.
func (n *Node) sendPart(t *try, p, keep secagg.Part) error {
	n.post(SortPart, t.number, p.Append(nil))
	return t.store.Put(partName(keep.Kind, keep.Node, keep.Chunk), keep.Append(nil))
}

// combine closes the round when this node has the sum and all say the same.
func (n *Node) combine(ctx context.Context, t *try) (closed bool, err error) {
	if err := n.sumUp(t); err != nil {
		return false, err
	}
	// The own result must be out first: after this the round is not gone back to.
	if t.sum == nil || !t.end.Agreed() || len(n.out) > 0 {
		return false, nil
	}
	return true, n.closeRound(ctx, t)
}

// sumUp makes the sum and the next model when all shares are in, and says so.
func (n *Node) sumUp(t *try) error {
	if t.sum != nil || t.spoiled || len(t.end.Missing()) > 0 {
		return nil
	}
	sum, err := t.end.Sum()
	if errors.Is(err, secagg.ErrSpoiled) {
		n.o.Log(fmt.Sprintf("attempt %d: the sum is spoiled", t.number))
		t.spoiled = true // burnt: the next attempt, if a spare is left
		return nil
	}
	if err != nil {
		return err
	}
	if t.next, t.fit, _, err = advance(n.work, n.round, n.beta, sum); err != nil {
		return n.Stop("the model cannot be computed from the sum")
	}
	if err := t.store.Put("sum", sumBytes(sum)); err != nil {
		return err
	}
	m, err := t.end.Result(t.next.Hash())
	if err != nil {
		return err
	}
	t.sum = sum
	return n.sendMessage(t, m)
}

// tick wipes the key of an attempt whose phase takes twice as long as the card allows,
// and tells the others. In HELLO there is no key yet, and somebody may be late.
func (n *Node) tick() error {
	t := n.try
	if t == nil || t.attempt == nil || t.attempt.Phase() == secagg.PhaseHello || n.o.Now().Sub(t.since) < 2*time.Duration(n.o.Card.Deadlines.Phase)*time.Second {
		return nil
	}
	m, err := t.attempt.Abort(1)
	n.discard(t)
	n.try = nil
	if err != nil {
		return nil
	}
	n.post(SortMessage, t.number, m.Append(nil))
	return nil
}
