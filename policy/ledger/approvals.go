package ledger

import (
	"fmt"
	"slices"
	"time"
)

// modeSupervised marks a domain with approvers and witnesses. It never goes back.
const modeSupervised = "supervised"

// readReleases is the purpose of a replay to somebody who reads by their role.
const readReleases = "read-releases"

// approvers is how many people must agree.
const approvers = 2

// aheadOfLog is how far an approver's clock may be before the log's.
const aheadOfLog = 5 * time.Minute

// thing is what approvals are of.
type thing struct{ subject, digest string }

// approval is somebody's newest statement on a thing.
type approval struct {
	*Approve
	index int64
	key   string // that it was checked with
}

// approve takes in a statement of somebody who is an approver now. What somebody has said
// who is dropped by a policy counts for nothing, and counts again under one that names them
// anew with the same key, which two others have signed: until then they can still take it
// back, by the key with which they gave it.
func (s *State) approve(l Leaf, a *Approve) error {
	of := thing{a.Subject, a.Digest}
	before := s.approvals[of][a.Approver]
	key, err := s.statement(a, before, l.Time)
	if err != nil {
		return err
	}
	if s.approvals[of] == nil {
		s.approvals[of] = map[string]*voice{}
	}
	if before == nil {
		before = &voice{}
		s.approvals[of][a.Approver] = before
	}
	before.approval = approval{Approve: a, index: l.Index, key: key}
	before.heard(a, l.Time)
	s.history.said = append(s.history.said, before.approval)
	return nil
}

// statement checks a statement and gives the key that it was checked with; before is what
// the same person has said on the same thing, nil for nothing.
func (s *State) statement(a *Approve, before *voice, at time.Time) (key string, err error) {
	if s.grant == nil || s.grant.Mode != modeSupervised {
		return "", fmt.Errorf("%w: this domain has no approvers", ErrApproval)
	}
	if key = s.grant.approver(a.Approver); key == "" && a.Revoked && before != nil {
		key = before.key // who is dropped takes back what would come back with them
	}
	if key == "" {
		return "", fmt.Errorf("%w: %s is no approver", ErrApproval, a.Approver)
	}
	if err := a.verify(s.population, key); err != nil {
		return "", err
	}
	switch {
	case a.Made.After(at.Add(aheadOfLog)):
		return "", fmt.Errorf("%w: it was made in the future", ErrApproval)
	case !a.Expires.After(at):
		return "", fmt.Errorf("%w: it has expired", ErrApproval)
	}
	return key, before.order(a, at)
}

// counts says whether an approval holds at a time under a grant: its maker is still an
// approver there, with the same key.
func (a approval) counts(g *Grant, at time.Time) bool {
	return !a.Revoked && at.Before(a.Expires) && g.approver(a.Approver) == a.key
}

// agreed are the people whose approvals of a thing hold, in order, without those who
// may not approve it because they asked for it.
func (s *State) agreed(g *Grant, of thing, at time.Time, not map[string]bool) []string {
	return s.agreedAs("", g, of, at, not)
}

// agreedAs are those of them who approved it under a name; "" for any.
func (s *State) agreedAs(name string, g *Grant, of thing, at time.Time, not map[string]bool) []string {
	var people []string
	for person, a := range s.approvals[of] {
		if a.counts(g, at) && !not[person] && (name == "" || a.Name == name) {
			people = append(people, person)
		}
	}
	slices.Sort(people)
	return people
}

// need wants two approvals of a thing that the principals in by asked for; in an
// evaluation domain it wants nothing.
func (s *State) need(of thing, at time.Time, by ...string) error {
	_, err := s.neededBy(of, at, by...)
	return err
}

// neededBy is need, and gives who they are; nobody in an evaluation domain.
func (s *State) neededBy(of thing, at time.Time, by ...string) ([]string, error) {
	if s.grant == nil || s.grant.Mode == modeEvaluation {
		return nil, nil
	}
	not, err := s.excluded(by)
	if err != nil {
		return nil, err
	}
	people := s.agreed(s.grant, of, at, not)
	return people, enough(of, people)
}

// excluded are the people behind those who ask for something: they do not approve it.
func (s *State) excluded(by []string) (map[string]bool, error) {
	not := map[string]bool{}
	for _, principal := range by {
		person := s.grant.person(principal)
		if person == "" {
			return nil, fmt.Errorf("%w: the policy does not say which person %s is", ErrApproval, principal)
		}
		not[person] = true
	}
	return not, nil
}

func enough(of thing, people []string) error {
	if len(people) >= approvers {
		return nil
	}
	// Who they are is not for everybody who asks a question.
	return fmt.Errorf("%w: %s %s needs the approvals of two other people, and has %d that hold now", ErrApproval, of.subject, of.digest, len(people))
}

// needGrant wants the policy in force to be approved still.
func (s *State) needGrant(at time.Time) error {
	if s.grant == nil || s.grant.Mode == modeEvaluation {
		return nil
	}
	of := thing{SubjectGrant, s.grantDigest}
	return enough(of, s.agreed(s.grant, of, at, s.askers))
}

// needContent wants a leaf to have been approved, its own place in the log aside.
func (s *State) needContent(subject string, b Body, at time.Time, by ...string) error {
	_, err := s.contentBy(subject, b, at, by...)
	return err
}

// contentBy is needContent, and gives who approved it.
func (s *State) contentBy(subject string, b Body, at time.Time, by ...string) ([]string, error) {
	digest, err := ContentDigest(b)
	if err != nil {
		return nil, err
	}
	return s.neededBy(thing{subject, digest}, at, by...)
}

// needAll wants everything to be approved that a run rests on, for which by ask.
func (s *State) needAll(at time.Time, template, digest string, by ...string) error {
	if err := s.needGrant(at); err != nil {
		return err
	}
	return s.needTemplate(at, template, digest, by...)
}

// needTemplate wants a template to be approved as what it is called, id@version, and by two
// who do not ask by it: a digest that was approved under another name is another template's.
func (s *State) needTemplate(at time.Time, template, digest string, by ...string) error {
	if s.grant == nil || s.grant.Mode == modeEvaluation {
		return nil
	}
	of := thing{SubjectTemplate, digest}
	return enough(of, s.agreedAs(template, s.grant, of, at, s.known(by...)))
}

// approver is an approver's key, "" for nobody's.
func (g *Grant) approver(person string) string {
	for _, a := range g.Approvers {
		if a.Person == person {
			return a.Key
		}
	}
	return ""
}

// person is who stands behind a principal, "" where the policy does not say.
func (g *Grant) person(principal string) string {
	for _, p := range g.Persons {
		if p.Principal == principal {
			return p.Person
		}
	}
	return ""
}

// askersOf are the people who may not approve a policy: who put it forward, and whom it
// gives something, as either policy knows them.
func askersOf(g, old *Grant) map[string]bool {
	not := map[string]bool{}
	for _, known := range []*Grant{g, old} {
		if known == nil {
			continue
		}
		not[known.person(g.By)] = true
		for _, e := range g.Grants {
			not[known.person(e.Principal)] = true
		}
	}
	delete(not, "")
	return not
}
