package queries

import (
	"fmt"

	"golang.org/x/time/rate"
)

// What costs nothing and leaves a leaf all the same, refusals and repeats, is limited
// for each organisation: a log is kept for ever.
const (
	freeLeaves = 500 // at once
	leafRate   = 1.0 // per second after that
)

// mayLog says whether a principal's organisation may have another leaf for nothing.
func (r *Runner) mayLog(principal string) bool {
	organisation := r.rules().Organisation(principal)
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.leaves[organisation]
	if l == nil {
		l = rate.NewLimiter(leafRate, freeLeaves)
		r.leaves[organisation] = l
	}
	return l.AllowN(r.Now(), 1)
}

// crowded refuses a principal whose organisation has all the requests in flight that
// it may have, under whatever names: slots are few, and the same for all.
func (r *Runner) crowded(principal string) error {
	n, rules := 0, r.rules()
	organisation := rules.Organisation(principal)
	for _, t := range r.tickets {
		same := t.principal == principal || organisation != "" && rules.Organisation(t.principal) == organisation
		if t.State == Running && same {
			n++
		}
	}
	if n >= r.MaxInFlight {
		return fmt.Errorf("%w (at most %d at once)", ErrTooMany, r.MaxInFlight)
	}
	return nil
}
