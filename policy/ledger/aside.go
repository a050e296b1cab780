package ledger

import (
	"fmt"
	"time"
)

// SubjectOptOuts is a list of people who opt out. Its approvals are kept beside the list,
// inside the domain: the log, which others read, says nothing of who opted out, how many
// and when.
const SubjectOptOuts = "optouts"

// CheckAside says whether a statement on a list of opt-outs is an approver's, who has said
// what comes with it before: ErrApproval if it would be none in the log, ErrLeaf if it is
// not even a statement.
func (s *State) CheckAside(a Approve, said []Approve, at time.Time) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if a.Subject != SubjectOptOuts {
		return fmt.Errorf("%w: a statement on %s belongs into the log", ErrApproval, a.Subject)
	}
	if err := a.checkMembers(); err != nil {
		return err
	}
	var last *Approve
	for i := range said {
		if said[i].Approver == a.Approver && said[i].Digest == a.Digest && (last == nil || said[i].Made.After(last.Made)) {
			last = &said[i]
		}
	}
	_, err := s.statement(&a, last, at)
	return err
}

// ApprovedAside says whether a list of opt-outs that the principals in by put forward has,
// among what was said on it, the approvals of two other people that hold: ErrApproval if
// not. In an evaluation domain it has.
func (s *State) ApprovedAside(digest string, said []Approve, at time.Time, by ...string) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.grant == nil || s.grant.Mode == modeEvaluation {
		return nil
	}
	not, err := s.excluded(by)
	if err != nil {
		return err
	}
	newest := map[string]Approve{}
	for _, a := range said {
		if last, some := newest[a.Approver]; a.Subject == SubjectOptOuts && a.Digest == digest && (!some || a.Made.After(last.Made)) {
			newest[a.Approver] = a
		}
	}
	var people []string
	for person, a := range newest {
		key := s.grant.approver(person)
		if key != "" && a.verify(s.population, key) == nil && (approval{Approve: &a, key: key}).counts(s.grant, at) && !not[person] {
			people = append(people, person)
		}
	}
	return enough(thing{SubjectOptOuts, digest}, people)
}
