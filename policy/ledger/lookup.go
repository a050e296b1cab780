package ledger

import "strings"

// Past are a principal's own charges, newest first, at most so many.
func (s *State) Past(principal string, most int) []Request {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []Request
	for i := len(s.order) - 1; i >= 0 && len(out) < most; i-- {
		if r := s.order[i]; r.Principal == principal {
			out = append(out, r.copy())
		}
	}
	return out
}

// Repeats are what a principal was given from store, newest first, at most so many.
func (s *State) Repeats(principal string, most int) []Trace {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []Trace
	own := s.repeats[principal]
	for i := len(own) - 1; i >= 0 && len(out) < most; i-- {
		t := s.replays[own[i]]
		t.Request = t.charge.copy()
		out = append(out, t)
	}
	return out
}

// Charged is the charge that a CHARGE or RELEASE leaf is of; false for any other leaf.
func (s *State) Charged(leaf int64) (Request, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.charges[leaf]
	if r == nil {
		r = s.releases[leaf]
	}
	if r == nil {
		return Request{}, false
	}
	return r.copy(), true
}

// Abandoned is how many charges were abandoned.
func (s *State) Abandoned() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.abandoned
}

// Rounds are the charges of training jobs, oldest first.
func (s *State) Rounds() []Request {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []Request
	for _, r := range s.order {
		if r.Catalogue == Training {
			out = append(out, r.copy())
		}
	}
	return out
}

// Running are the charges that are neither released nor abandoned, oldest first.
func (s *State) Running() []Request {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var out []Request
	for _, r := range s.order {
		if r.Open() {
			out = append(out, r.copy())
		}
	}
	return out
}

// SupervisedSince is the GRANT leaf that named approvers first and so ended the
// evaluation for good, -1 for none. What is older was approved by nobody.
func (s *State) SupervisedSince() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, p := range s.history.policies {
		if p.Mode == modeSupervised {
			return p.index
		}
	}
	return -1
}

// ApprovedTemplate is a version of a template that two people had approved.
type ApprovedTemplate struct {
	Name, Digest string // id@version, and its pair of files
	Leaf         int64  // the APPROVE leaf of the second of them
}

// TemplateBefore is the version of a template, given by its id, that two people approved
// last of those with another digest than the one given; false for none. Whether their
// approvals hold now is not asked: it says what a newer version is to be compared with.
func (s *State) TemplateBefore(id, digest string) (last ApprovedTemplate, ok bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	newest := map[string]map[string]approval{} // by digest and person
	for _, a := range s.history.said {
		name, _, _ := strings.Cut(a.Name, "@")
		if a.Subject != SubjectTemplate || a.Digest == digest || name != id {
			continue
		}
		if newest[a.Digest] == nil {
			newest[a.Digest] = map[string]approval{}
		}
		newest[a.Digest][a.Approver] = a
		people := 0
		for _, other := range newest[a.Digest] {
			if !other.Revoked && other.Name == a.Name && other.Expires.After(a.Made) {
				people++
			}
		}
		if !a.Revoked && people >= approvers {
			last, ok = ApprovedTemplate{a.Name, a.Digest, a.index}, true
		}
	}
	return last, ok
}
