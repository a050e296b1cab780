package ledger

import (
	"fmt"
	"time"
)

// voice is what a person has said on a thing. What was said last, by the log, counts.
//
// Statements are signed elsewhere, by clocks that are up to aheadOfLog off, and whoever has
// seen one can send it again. An approval has to be later than all that its maker said
// before: it never comes back by being sent again, and after a revocation it takes a new
// signature. To take back is never refused for a clock's sake. A revocation is taken where
// it is later than all before, was made after the approval was logged, or was made just now
// by the log's clock. It was not taken before: sent again it would take back an approval
// that was given after it.
type voice struct {
	approval                // what was said last
	latest   time.Time      // the newest Made of all
	approved time.Time      // when the newest approval was logged; zero for none
	revoked  map[int64]bool // when the revocations were made, seconds since 1970
}

// order refuses a statement that comes after a later one, or for the second time.
func (v *voice) order(a *Approve, at time.Time) error {
	switch {
	case v == nil:
	case a.Revoked && v.revoked[a.Made.Unix()]:
		return fmt.Errorf("%w: %s has said this before", ErrApproval, a.Approver)
	case a.Made.After(v.latest):
	case a.Revoked && (a.Made.After(v.approved) || !at.After(a.Made.Add(aheadOfLog))):
	default:
		return fmt.Errorf("%w: %s has said something later on this, at %s", ErrApproval, a.Approver, stamp(v.latest))
	}
	return nil
}

// heard takes a statement in that came at a time.
func (v *voice) heard(a *Approve, at time.Time) {
	if a.Made.After(v.latest) {
		v.latest = a.Made
	}
	if !a.Revoked {
		v.approved = at
		return
	}
	if v.revoked == nil {
		v.revoked = map[int64]bool{}
	}
	v.revoked[a.Made.Unix()] = true
}
