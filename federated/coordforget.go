package federated

import (
	"errors"
	"os"
	"time"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

const (
	// mostLost is how many attempts of a round may end before their shares after all
	// have answered.
	mostLost = 100
	// keptOpen is how many of the newest attempts are kept whole, shared or not: a
	// coordinator put back to an earlier time does not know what was shared, and the
	// nodes send it again.
	keptOpen = 8
)

// aborted waits before the next attempt where a node has aborted one before: at once
// after the first, then ever longer, up to 64 deadlines.
func (c *Coordinator) aborted() error {
	if !c.pause.IsZero() {
		return nil
	}
	if c.aborts++; c.aborts == 1 {
		return c.begin()
	}
	phase := time.Duration(c.o.Card.Deadlines.Phase) * time.Second
	c.pause = c.o.Now().Add(phase << min(c.aborts-2, 6))
	return nil
}

// forget removes what the attempts before the newest ones left that ended before the
// barrier. Their OPENs stay: they count the attempts.
func (c *Coordinator) forget() error {
	for n, a := range c.all {
		if n+keptOpen > c.attempt || a.relay.Complete(secagg.PhaseConfirm) {
			continue
		}
		delete(c.all, n)
		dir := c.dir.path(attemptName(n))
		entries, err := os.ReadDir(dir)
		for _, e := range entries {
			if e.Name() != messageName(secagg.PhaseOpen, secagg.Coordinator) {
				err = errors.Join(err, os.Remove(folder(dir).path(e.Name())))
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// gone says whether an item is of an attempt that was forgotten.
func (c *Coordinator) gone(it Item) bool {
	_, here := c.all[it.Attempt]
	return it.Attempt > 0 && !here
}

// forgotten stands in the feed for what was removed: nobody can read it, as nobody
// needs it.
func forgotten() []byte { return []byte{0} }
