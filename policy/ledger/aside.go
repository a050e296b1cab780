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
	_, err := s.statement(&a, voices(a.Digest, said)[a.Approver], at)
	return err
}

// ApprovedAside says whether a list of opt-outs that the principals in by put forward has,
// among what was said on it the approvals of two other people that hold: ErrApproval if
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
	var people []string
	for person, v := range voices(digest, said) {
		key := s.grant.approver(person)
		if key != "" && v.verify(s.population, key) == nil && (approval{Approve: v.Approve, key: key}).counts(s.grant, at) && !not[person] {
			people = append(people, person)
		}
	}
	return enough(thing{SubjectOptOuts, digest}, people)
}

// voices are what people have said on a list, each statement as if it had come when it was
// made: when it came was not kept. One that is out of order is passed over.
func voices(digest string, said []Approve) map[string]*voice {
	all := map[string]*voice{}
	for i := range said {
		a := &said[i]
		if a.Subject != SubjectOptOuts || a.Digest != digest || all[a.Approver].order(a, a.Made) != nil {
			continue
		}
		if all[a.Approver] == nil {
			all[a.Approver] = &voice{}
		}
		all[a.Approver].Approve = a
		all[a.Approver].heard(a, a.Made)
	}
	return all
}
