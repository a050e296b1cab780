package ledger

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// history is what the fold keeps of the past to say later what a charge rested on.
type history struct {
	policies []policyThen // by GRANT leaf
	said     []approval   // by APPROVE leaf
}

// policyThen is a GRANT, what approvals of it bind, and who may not give one.
type policyThen struct {
	*Grant
	index  int64
	at     time.Time // of the leaf
	digest string
	askers map[string]bool
}

// Basis is what a charge rested on when it was made.
type Basis struct {
	Leaf   int64 // of the GRANT that was in force
	Policy string
	Mode   string
	K      string // "" in format 1
	// Approvals are those that held then, of the policy, the template and the snapshot, and
	// of a training's job, by their leaves; none in an evaluation domain.
	Approvals []Approval
}

// Basis says what a charge, given by its leaf, rested on. ErrUnknown for no charge.
func (s *State) Basis(charge int64) (Basis, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.charges[charge]
	at, _ := slices.BinarySearchFunc(s.history.policies, charge, func(p policyThen, leaf int64) int { return cmp.Compare(p.index, leaf) })
	if r == nil || at == 0 {
		return Basis{}, fmt.Errorf("%w: charge %d", ErrUnknown, charge)
	}
	p := s.history.policies[at-1]
	b := Basis{Leaf: p.index, Policy: p.Policy, Mode: p.Mode, K: p.K}
	if p.Mode != modeSupervised {
		return b, nil
	}
	on, err := s.things(p, r)
	if err != nil {
		return Basis{}, err
	}
	type of struct {
		thing
		person string
	}
	newest := map[of]approval{}
	for _, a := range s.history.said {
		t := thing{a.Subject, a.Digest}
		if not, wanted := on[t]; wanted && a.index < charge && !not[a.Approver] {
			newest[of{t, a.Approver}] = a
		}
	}
	for _, a := range newest {
		// What was said last counts, under whatever name it was said.
		if a.counts(p.Grant, r.Time) && s.named(r, a) {
			b.Approvals = append(b.Approvals, Approval{Approve: *a.Approve, Index: a.index, Holds: true})
		}
	}
	slices.SortFunc(b.Approvals, func(x, y Approval) int { return cmp.Compare(x.Index, y.Index) })
	return b, nil
}

// named says whether an approval was given under the name that a charge needs it under.
func (s *State) named(r *Request, a approval) bool {
	switch v := s.reservation(r.Key); {
	case a.Subject == SubjectTemplate:
		return a.Name == r.Template
	case a.Subject == SubjectJob && v != nil && r.Rules >= rulesAsked:
		return a.Name == v.Terms(s.population)
	}
	return true
}

// things are what must have been approved for a charge, and the people whose word did not
// count on each.
func (s *State) things(p policyThen, r *Request) (map[thing]map[string]bool, error) {
	on := map[thing]map[string]bool{
		{SubjectGrant, p.digest}:            p.askers,
		{SubjectTemplate, r.TemplateDigest}: p.people(s.asking(&r.Charge)),
	}
	if snapshot := s.registered[r.Snapshot]; snapshot != nil {
		digest, err := ContentDigest(snapshot.Snapshot)
		if err != nil {
			return nil, err
		}
		on[thing{SubjectSnapshot, digest}] = map[string]bool{p.person(snapshot.By): true}
	}
	if r.Catalogue == Training && r.Rules > 0 { // see trains
		on[thing{SubjectJob, r.Key}] = p.people(append(s.asking(&r.Charge), r.Principal))
	}
	return on, nil
}

// people are those behind principals.
func (p policyThen) people(principals []string) map[string]bool {
	not := map[string]bool{}
	for _, x := range principals {
		not[p.person(x)] = true
	}
	return not
}
