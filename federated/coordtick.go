package federated

import (
	"time"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// Tick keeps the deadlines: it opens the first attempt when all have approved and are
// ready, and a new one where a phase took too long. Call it every second or so.
func (c *Coordinator) Tick() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.roster.Nodes)
	switch {
	case c.ended != "" || c.done:
		return nil
	case len(c.approve) < n || len(c.ready) < n:
		if c.o.Now().UTC().Format(time.DateOnly) > c.o.Card.Until {
			return c.end("the job's last day has passed")
		}
		return nil
	case c.relay == nil:
		return c.begin()
	}
	if c.phase > secagg.PhaseConfirm {
		c.pause = time.Time{} // all have confirmed: the shares come in spite of it
	}
	if !c.pause.IsZero() && c.o.Now().Before(c.pause) || c.pause.IsZero() && c.o.Now().Sub(c.since) < c.limit() {
		return nil
	}
	return c.again()
}

// limit is how long the phase may take. Where a node stays away, attempts become rarer,
// down to one in 64 deadlines: their number is bounded.
func (c *Coordinator) limit() time.Duration {
	phase := time.Duration(c.o.Card.Deadlines.Phase) * time.Second
	switch {
	case c.phase >= secagg.PhaseShare:
		return time.Duration(c.o.Card.Deadlines.Share) * time.Second
	case c.phase == secagg.PhaseHello:
		return phase << min(c.idle, 6)
	}
	return phase
}

// Waits is how many share deadlines a coordinator waits for the rest to report a sum that
// somebody has. It is far more than the spares of a round last: a node that is away
// comes back to a sum that is paid for.
const Waits = 24

// again gives the attempt up and begins another: for nothing before the barrier, and
// as a burnt one after it. Once a node has the sum all can have it, from the bytes that
// are here; then there is nothing to do but wait, and not for ever.
func (c *Coordinator) again() error {
	if c.summed() {
		switch {
		case c.o.Now().UTC().Format(time.DateOnly) > c.o.Card.Until:
			return c.end("the job's last day has passed")
		case c.o.Now().Sub(c.since) >= Waits*time.Duration(c.o.Card.Deadlines.Share)*time.Second:
			return c.end("a node did not report the sum that others have")
		}
		return nil
	}
	if c.phase == secagg.PhaseHello {
		c.idle++
	} else {
		c.idle = 0
	}
	if c.relay.Complete(secagg.PhaseConfirm) {
		if c.burnt++; c.burnt > Spares {
			return c.end("the spare attempts are used up")
		}
	}
	return c.begin()
}

// summed says whether any node has reported a sum of the open round.
func (c *Coordinator) summed() bool {
	for _, a := range c.all {
		if int(a.open.Round) == c.round && len(a.relay.Missing(secagg.PhaseResult)) < len(c.roster.Nodes) {
			return true
		}
	}
	return false
}

// begin opens the next attempt.
func (c *Coordinator) begin() error {
	c.pause = time.Time{}
	if c.o.Now().UTC().Format(time.DateOnly) > c.o.Card.Until {
		return c.end("the job's last day has passed")
	}
	if c.relay != nil && int(c.open.Round) == c.round && c.relay.Complete(secagg.PhaseHello) && !c.relay.Complete(secagg.PhaseConfirm) {
		if c.lost++; c.lost >= mostLost {
			return c.end("too many attempts of a round ended before their shares")
		}
	}
	c.open = secagg.Open{
		Job: c.job, Model: c.model, Round: uint32(c.round), Attempt: c.attempt + 1, Length: uint32(c.plan.Cells()),
	}
	if err := c.load(c.attempt + 1); err != nil {
		return err
	}
	m, err := c.relay.Message(secagg.PhaseOpen, secagg.Coordinator)
	if err != nil {
		return err
	}
	store, err := openFolder(c.o.Dir, attemptName(c.attempt))
	if err != nil {
		return err
	}
	if err := store.Put("OPEN", m.Append(nil)); err != nil {
		return err
	}
	c.enter(secagg.PhaseHello)
	if err := c.feed.add(Item{Sort: SortMessage, Attempt: c.attempt, Phase: secagg.PhaseOpen, Node: secagg.Coordinator}); err != nil {
		return err
	}
	return c.forget()
}

// load makes the relay of an attempt from c.open and its folder.
func (c *Coordinator) load(n uint64) error {
	store, err := openFolder(c.o.Dir, attemptName(n))
	if err != nil {
		return err
	}
	r, err := secagg.NewRelay(c.params, c.roster, c.o.Key, c.open, store)
	if err != nil {
		return err
	}
	c.relay, c.attempt = r, n
	c.all[n] = attempt{r, c.open}
	return nil
}

func (c *Coordinator) enter(f secagg.Phase) { c.phase, c.since = f, c.o.Now() }

// end ends the job without a model.
func (c *Coordinator) end(why string) error {
	c.ended = why
	if err := c.dir.Put("ended", []byte(why)); err != nil {
		return err
	}
	return c.feed.add(Item{Sort: SortEnd})
}
