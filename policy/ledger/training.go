package ledger

import (
	"cmp"
	"fmt"
	"slices"
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
	if err := s.needJob(l.Time, &r.Reserve, c.Rules); err != nil {
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

// needJob wants a training's job to be approved in a supervised domain by two people: its
// card, by whose digest it goes, under the terms on which it sets aside here; none of them is
// behind those who ask for it. The rules are those of the leaf that rests on it: under older
// ones the name is any. A reservation of older rules does not say who asks, and goes on under
// newer ones once its terms are approved.
func (s *State) needJob(at time.Time, r *Reserve, rules int64) error {
	if s.grant == nil || s.grant.Mode == modeEvaluation {
		return nil
	}
	of := thing{SubjectJob, r.Job}
	if rules < rulesAsked {
		return enough(of, s.agreed(s.grant, of, at, s.known(r.Principal)))
	}
	if r.By != "" || r.Rules >= rulesAsked {
		if _, err := s.excluded([]string{r.By}); err != nil {
			return fmt.Errorf("%w, who asks for the job", err)
		}
	}
	return enough(of, s.agreedAs(r.Terms(s.population), s.grant, of, at, s.known(r.By, r.Principal)))
}

// askers are the principals who ask for a job: behind the one who is charged there may be
// nobody. Older rules know none who approve nothing of it.
func (r *Reserve) askers() []string {
	if r.Rules < rulesAsked {
		return nil
	}
	return []string{r.By, r.Principal}
}

// known are the people behind principals, where the policy in force knows any.
func (s *State) known(principals ...string) map[string]bool {
	not := map[string]bool{}
	for _, p := range principals {
		not[s.grant.person(p)] = true
	}
	delete(not, "")
	return not
}

// Terms are the name under which people approve a job's card: on what terms a reservation
// sets aside for it in a population, in words that two logs never write differently. Nobody
// who asks is a hyphen.
func (r *Reserve) Terms(population string) string {
	scopes := make([]string, len(r.Scopes))
	for i, s := range r.Scopes {
		scopes[i] = strings.TrimPrefix(s, population+"/")
	}
	slices.Sort(scopes)
	return fmt.Sprintf("a training on %s for %s at rho %s and delta %s of each of %s, until %s, by grant %s, asked for by %s",
		r.Template, r.Purpose, units(r.Cost.Rho, 12), units(r.Cost.Delta, 21), strings.Join(scopes, ", "), r.Until, r.Grant, cmp.Or(r.By, "-"))
}

// units writes n units of which there are 10^digits in one.
func units(n int64, digits int) string {
	text := fmt.Sprintf("%0*d", digits+1, n)
	return text[:len(text)-digits] + "." + text[len(text)-digits:]
}

// JobApproved says whether a training's job has the approvals that its reservation, made or
// to be made, needs at a time, ErrApproval if not. In an evaluation domain every job has.
func (s *State) JobApproved(r Reserve, at time.Time) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.needJob(at, &r, RulesNow)
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
