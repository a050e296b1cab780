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

// roundDays is how many days a round may last from the reading of its rows to its charge:
// six phases of a day each at most, see federated.Deadlines and secagg, begun on a day.
const roundDays = 7

// trains holds what is called a training's charge to what each of them has: a job that has
// set its cost aside, the number of an attempt in its id, and the root of the attempt's
// transcript for its idempotency digest. Else the name alone would let a question escape
// what others are held to. The opt-outs are those of the day on which the job set aside, or
// later: only then does a node read its rows, and reads them again for every round. A round
// may last days; a job whose last day has passed is held to what a question is. In a
// supervised domain the job stands approved. What bears no rules is not held to it.
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
	case c.Epoch < r.firstEpoch(l.Time):
		return fmt.Errorf("%w: the opt-out epoch %d of a job of day %d, on day %d", ErrLeaf, c.Epoch, dayOf(r.Time), dayOf(l.Time))
	}
	if err := s.needJob(l.Time, c.Key, c.Principal); err != nil {
		return err
	}
	return c.dear(finestStep * finestStep)
}

// firstEpoch is the earliest epoch that a charge of that time may keep to.
func (r *Reservation) firstEpoch(at time.Time) int64 {
	if !r.Open(at) {
		return dayOf(at) - 1
	}
	return max(dayOf(r.Time)-1, dayOf(at)-roundDays)
}

// needJob wants a training's job to be approved in a supervised domain: its card, by whose
// digest it goes, by two people, none of them behind the principal who trains.
func (s *State) needJob(at time.Time, job, principal string) error {
	if s.grant == nil || s.grant.Mode == modeEvaluation {
		return nil
	}
	of, not := thing{SubjectJob, job}, map[string]bool{}
	if person := s.grant.person(principal); person != "" { // behind a node there is nobody
		not[person] = true
	}
	return enough(of, s.agreed(s.grant, of, at, not))
}

// JobApproved says whether a training's job, whose charges a principal is to make, has the
// approvals it needs at a time, ErrApproval if not. In an evaluation domain every job has.
func (s *State) JobApproved(job, principal string, at time.Time) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.needJob(at, job, principal)
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
