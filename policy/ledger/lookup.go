package ledger

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
