package ledger

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// finestStep is the finest unit in which a training counts, see federated/glm: it names its
// deviations in real units.
const finestStep = 1.0 / (1 << 32)

// trains holds what is called a training's charge to what each of them has: a job that has
// set its cost aside, the number of an attempt in its id, and the root of the attempt's
// transcript for its idempotency digest. Else the name alone would let a question escape
// what others are held to. The opt-outs are those of the day on which the job set aside, or
// later: only then does a node read its rows. What bears no rules is not held to it.
func (s *State) trains(l Leaf, c *Charge) error {
	if c.Rules == 0 {
		return nil
	}
	r := s.reservation(c.Key)
	switch {
	case r == nil:
		return fmt.Errorf("%w: it is called a training's, and its job has set nothing aside", ErrReserve)
	case !c.anAttempt():
		return fmt.Errorf("%w: it is called a training's, and its id is of no attempt", ErrLeaf)
	case checkDigest("idempotency", c.Idempotency) != nil:
		return fmt.Errorf("%w: it is called a training's, and names no transcript", ErrLeaf)
	case c.Epoch < dayOf(r.Time)-1:
		return fmt.Errorf("%w: the opt-out epoch %d of a job of day %d", ErrLeaf, c.Epoch, dayOf(r.Time))
	}
	return c.dear(finestStep * finestStep)
}

// anAttempt says that the id is the job's and an attempt's number, from 1.
func (c *Charge) anAttempt() bool {
	number, ok := strings.CutPrefix(c.ID, c.Key+"-")
	n, err := strconv.ParseInt(number, 10, 32)
	return ok && err == nil && n > 0 && strconv.FormatInt(n, 10) == number
}

// dayOf is a time's day in China Standard Time, as epochs count them.
func dayOf(t time.Time) int64 {
	return t.Add(epochZone).Unix() / int64(24*time.Hour/time.Second)
}
