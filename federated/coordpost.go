package federated

import (
	"errors"
	"fmt"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// Post takes what a node sends. ErrRefused, ErrApproval, ErrWire or secagg's errors for
// what does not belong; the same again is nil.
func (c *Coordinator) Post(p Posting) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch p.Sort {
	case SortApproval:
		return c.postApproval(p.Body)
	case SortNotice:
		return c.postNotice(p.Body)
	case SortMessage, SortPart:
	default:
		return fmt.Errorf("%w: sort %d", ErrWire, p.Sort)
	}
	// Shares and results of the attempts before are taken too: a node may still need
	// them, and whoever has sent a share should be seen to have.
	a, ok := c.all[p.Attempt]
	r := a.relay
	if !ok || c.ended != "" {
		return fmt.Errorf("%w: attempt %d is not open", ErrRefused, p.Attempt)
	}
	shape := c.shape()
	if p.Sort == SortPart {
		part, err := shape.ParsePart(p.Body)
		if err != nil {
			return err
		}
		return c.postPart(r, p.Attempt, part)
	}
	m, err := shape.ParseMessage(p.Body)
	if err != nil {
		return err
	}
	if err := r.Put(m); err != nil {
		return c.evidence(p.Attempt, err)
	}
	if err := c.publish(r, p.Attempt, m.Phase, m.Node); err != nil || c.done {
		return err
	}
	if m.Phase == secagg.PhaseResult {
		return c.finishRound(a)
	}
	if p.Attempt != c.attempt {
		return nil
	}
	return c.advance()
}

// evidence keeps a node's two differing statements; the first stands.
func (c *Coordinator) evidence(attempt uint64, err error) error {
	var e *secagg.Evidence
	if errors.As(err, &e) {
		name := fmt.Sprintf("evidence-%d-%v-%d", attempt, e.First.Phase, e.First.Node)
		both := append(secagg.Message{Statement: e.First}.Append(nil), secagg.Message{Statement: e.Second}.Append(nil)...)
		return errors.Join(err, c.dir.Put(name, both))
	}
	return err
}

func (c *Coordinator) postApproval(b []byte) error {
	var a Approval
	if err := strictly(b, &a); err != nil {
		return err
	}
	if err := a.Verify(c.o.Card); err != nil {
		return err
	}
	i := c.o.Card.Place(a.Node)
	if c.approve[i] {
		return nil
	}
	if err := c.dir.Put(approvalName(i), b); err != nil {
		return err
	}
	c.approve[i] = true
	return c.feed.add(Item{Sort: SortApproval, Node: i})
}

func approvalName(i int) string { return fmt.Sprintf("approval-%d.json", i) }

// noticeName is the file of a notice's place in the feed.
func noticeName(it Item) string {
	kinds := noticeKinds()
	kind := kinds[min(int(it.Phase), len(kinds)-1)]
	if kind == NoticeWaiting {
		kind = fmt.Sprintf("%s-%d", kind, it.Chunk)
	}
	return fmt.Sprintf("notice-%d-%s.json", it.Node, kind)
}

func (c *Coordinator) postNotice(b []byte) error {
	var n Notice
	if err := strictly(b, &n); err != nil {
		return err
	}
	if err := n.Verify(c.o.Card); err != nil {
		return err
	}
	i := c.o.Card.Place(n.Node)
	if _, err := c.dir.Get(noticeName(n.item(i))); err == nil {
		c.waited(i, n)
		return nil
	}
	if err := c.dir.Put(noticeName(n.item(i)), b); err != nil {
		return err
	}
	if err := c.feed.add(n.item(i)); err != nil {
		return err
	}
	return c.heed(i, n)
}

// heed acts on a notice: the loss of a node ends the job.
func (c *Coordinator) heed(i int, n Notice) error {
	c.waited(i, n)
	switch {
	case n.Kind == NoticeWaiting:
	case n.Kind == NoticeReady:
		c.ready[i] = true
	case c.ended == "" && !c.done:
		return c.end(fmt.Sprintf("%s %s: %s", n.Node, n.Kind, n.Text))
	}
	return nil
}

// waited keeps what a node waits for, for people; one that is ready waits for nothing.
func (c *Coordinator) waited(i int, n Notice) {
	switch n.Kind {
	case NoticeWaiting:
		c.waits[i] = n.Text
	case NoticeReady:
		delete(c.waits, i)
	}
}

// noticePhase keeps a notice's kind in the feed, where an item has no other place.
func noticePhase(kind string) secagg.Phase {
	for i, k := range noticeKinds() {
		if k == kind {
			return secagg.Phase(i)
		}
	}
	return 0
}

func noticeKinds() []string {
	return []string{NoticeReady, NoticeRefused, NoticeStopped, NoticeWaiting}
}

func (c *Coordinator) postPart(r *secagg.Relay, attempt uint64, p secagg.Part) error {
	if _, err := r.Part(p.Kind, p.Node, p.Chunk); err == nil {
		return r.PutPart(p) // a resend, or a refusal
	}
	if err := r.PutPart(p); err != nil {
		return err
	}
	if p.Kind == secagg.C0 && !r.Complete(secagg.PhaseConfirm) {
		return nil // published at the barrier
	}
	return c.feed.add(Item{Sort: SortPart, Attempt: attempt, Kind: p.Kind, Node: p.Node, Chunk: p.Chunk})
}

// publish puts a message in the feed: up to the barrier when all of its phase are in,
// so that nobody's depends on another's, and after it at once.
func (c *Coordinator) publish(r *secagg.Relay, attempt uint64, f secagg.Phase, node int) error {
	item := Item{Sort: SortMessage, Attempt: attempt, Phase: f, Node: node}
	if f > secagg.PhaseConfirm {
		return c.feed.add(item)
	}
	if !r.Complete(f) {
		return nil
	}
	for i := range c.roster.Nodes {
		item.Node = i
		if err := c.feed.add(item); err != nil {
			return err
		}
	}
	if f == secagg.PhaseConfirm {
		return c.publishParts(r, attempt, secagg.C0)
	}
	return nil
}

// publishParts puts all parts of a kind in the feed that are here.
func (c *Coordinator) publishParts(r *secagg.Relay, attempt uint64, kind secagg.Kind) error {
	for i := range c.roster.Nodes {
		for k := range c.params.Chunks(c.plan.Cells()) {
			if _, err := r.Part(kind, i, k); errors.Is(err, secagg.ErrMissing) || errors.Is(err, secagg.ErrOrder) {
				continue // comes later, or never
			} else if err != nil {
				return err
			}
			if err := c.feed.add(Item{Sort: SortPart, Attempt: attempt, Kind: kind, Node: i, Chunk: k}); err != nil {
				return err
			}
		}
	}
	return nil
}

// advance goes on to the next phase, attempt or round of the newest attempt, or to
// the end of the job.
func (c *Coordinator) advance() error {
	for c.phase < secagg.PhaseResult && c.relay.Complete(c.phase) {
		c.enter(c.phase + 1)
	}
	switch {
	case c.phase <= secagg.PhaseConfirm && !c.summed() && len(c.relay.Missing(secagg.PhaseAbort)) < len(c.roster.Nodes):
		return c.aborted() // without that node's share nobody can ever decrypt
	case c.phase == secagg.PhaseResult:
		return c.finishRound(c.all[c.attempt])
	}
	return nil
}

// finishRound takes the next model's digest from the results of an attempt of the open
// round, the newest or one that was thought burnt, when they are all there; they must
// all agree.
func (c *Coordinator) finishRound(a attempt) error {
	if int(a.open.Round) != c.round || !a.relay.Complete(secagg.PhaseResult) {
		return nil
	}
	var first []byte
	for i := range c.roster.Nodes {
		m, err := a.relay.Message(secagg.PhaseResult, i)
		if err != nil {
			return err
		}
		if first == nil {
			first = m.Body
		}
		if string(first) != string(m.Body) {
			return c.end("the nodes' results differ")
		}
	}
	copy(c.model[:], first[len(c.model):])
	c.aborts, c.lost = 0, 0
	if c.round++; c.round == c.plan.Rounds() {
		c.done = true
		return nil
	}
	return c.begin()
}
