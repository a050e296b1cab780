package ledger

import (
	"cmp"
	"slices"
	"time"
)

// Approval is a person's newest statement on a thing.
type Approval struct {
	Approve
	Index int64 // its APPROVE leaf
	Holds bool  // it counts now: neither revoked nor expired, and its maker is an approver still
}

// Approvals are all people's newest statements, by their leaves.
func (s *State) Approvals(at time.Time) []Approval {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []Approval
	for _, of := range s.approvals {
		for _, a := range of {
			all = append(all, Approval{Approve: *a.Approve, Index: a.index, Holds: a.counts(s.grant, at)})
		}
	}
	slices.SortFunc(all, func(a, b Approval) int { return cmp.Compare(a.Index, b.Index) })
	return all
}

// Approved says whether a thing that the principals in by ask for has the approvals it
// needs at a time, ErrApproval if not. In an evaluation domain everything has.
func (s *State) Approved(subject, digest string, at time.Time, by ...string) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.need(thing{subject, digest}, at, by...)
}

// TemplateApproved says whether a template, id@version, with a digest has the approvals it
// needs at a time for the principals in by to ask by it, ErrApproval if not.
func (s *State) TemplateApproved(template, digest string, at time.Time, by ...string) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.needTemplate(at, template, digest, by...)
}

// GrantApproved says whether the policy in force has its approvals still.
func (s *State) GrantApproved(at time.Time) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.needGrant(at)
}

// Approvers are the people whose signatures counted at any time, and their keys, each
// once, in the order of the policies that name them.
func (s *State) Approvers() []Approver {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []Approver
	for _, p := range s.history.policies {
		for _, a := range p.Approvers {
			if !slices.Contains(all, a) {
				all = append(all, a)
			}
		}
	}
	return all
}

// Supervised says whether the domain has approvers.
func (s *State) Supervised() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.grant != nil && s.grant.Mode == modeSupervised
}

// Resumption is the leaf that would lift a template version's suspension now, for
// people to approve. ErrNotSuspended where there is none.
func (s *State) Resumption(template string, by ...string) (Resume, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	st := s.standing[template]
	if !st.suspended {
		return Resume{}, ErrNotSuspended
	}
	by = slices.Clone(by)
	slices.Sort(by)
	return Resume{Template: template, By: by, Since: st.since}, nil
}

// Registered are the snapshots that may be asked, oldest first.
func (s *State) Registered() []Snapshot {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []Snapshot
	for _, id := range s.snapshots {
		if r := s.registered[id]; !r.deleted {
			out = append(out, *r.Snapshot)
		}
	}
	return out
}

// Audited says whether the log has a look at the noise of the leaves with a root.
func (s *State) Audited(root string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.audits[root]
}
