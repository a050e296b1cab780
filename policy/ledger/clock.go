package ledger

import (
	"errors"
	"fmt"
	"time"

	"github.com/qunxiang/qunxiang/policy/witness"
)

// The log's time never goes back, so one leaf of a fast clock would hold up every later
// one until that day. Where there are witnesses, they tell the time too.
const (
	// aheadOfClock is how far the newest leaf may be ahead of the clock for a log to open:
	// what time zones and a clock that was put right by hand may come to.
	aheadOfClock = 24 * time.Hour
	// unconfirmed is how long after the newest leaf a leaf may be written before a witness
	// has confirmed the clock. It is long, since a policy that names other witnesses must
	// get through while those from before are away.
	unconfirmed = 31 * 24 * time.Hour
)

// clockwork is what the ledger knows of its clock.
type clockwork struct {
	up     func() time.Duration // Options.Uptime, nil for none
	wall   time.Time            // when the witnesses last confirmed it, zero for never
	upThen time.Duration        // and what up said then
	wrong  error                // why it is not believed before they confirm it again
}

// believed says why no leaf may bear the clock's time, nil where it may. Where no witness
// is asked for, nobody is there to confirm a clock. A jump is remembered: the ledger is held
// for writing.
func (l *Ledger) believed() error {
	if l.grant.cosigners().Quorum == 0 {
		return nil
	}
	now, c := l.now().Round(0), &l.clock
	switch {
	case c.wrong != nil:
	case c.wall.IsZero():
		if off := now.Sub(l.last); off > unconfirmed {
			return fmt.Errorf("%w: it says %s, the newest leaf is of %s, and no witness has confirmed it yet", ErrClock, stamp(now), stamp(l.last))
		}
	case c.up != nil:
		if expected := c.wall.Add(c.up() - c.upThen); now.Sub(expected).Abs() > witness.Skew {
			c.wrong = fmt.Errorf("%w: it says %s and should say %s; nothing is written before the witnesses confirm it", ErrClock, stamp(now), stamp(expected))
		}
	}
	return c.wrong
}

// confirm takes in what a quorum of witnesses says of the time. It is asked with what they
// have signed, or with why they have not.
func (l *Ledger) confirm(by Witnesses, found []witness.Cosignature, refused error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now().Round(0)
	if refused != nil {
		if contradicted(by, refused) {
			l.clock.wrong = fmt.Errorf("%w: it says %s: %w", ErrClock, stamp(now), refused)
			return l.clock.wrong
		}
		return refused
	}
	near, at := int64(0), time.Time{}
	for _, f := range found {
		if f.Time.Sub(now).Abs() <= witness.Skew {
			near++
		} else {
			at = f.Time
		}
	}
	if near < by.Quorum {
		l.clock.wrong = fmt.Errorf("%w: it says %s, the witnesses say %s", ErrClock, stamp(now), stamp(at))
		return l.clock.wrong
	}
	l.clock.wall, l.clock.wrong = now, nil
	if l.clock.up != nil {
		l.clock.upThen = l.clock.up()
	}
	return nil
}

// contradicted says whether so many witnesses are of another time that there can be no quorum
// while the clock is right: one of them alone may be wrong itself.
func contradicted(by Witnesses, refused error) bool {
	var few *witness.QuorumError
	if !errors.As(refused, &few) {
		return errors.Is(refused, witness.ErrClock)
	}
	apart := int64(0)
	for _, m := range few.Missing {
		if errors.Is(m.Err, witness.ErrClock) {
			apart++
		}
	}
	return apart > int64(len(by.Keys))-by.Quorum
}

// opens refuses a log whose newest leaf is of a day to come.
func (l *Ledger) opens() error {
	if now := l.now(); l.last.Sub(now) > aheadOfClock {
		return fmt.Errorf("%w: it says %s, and the newest leaf is of %s. If the clock is wrong, put it right. "+
			"If it is right, a wrong one wrote that leaf: the log's time never goes back, so it takes no leaf before then; it can be read and verified still", ErrClock, stamp(now), stamp(l.last))
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
