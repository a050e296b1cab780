package ledger

// Trace is what became of a request id: who asked under it, and the charge
// whose release answers it, his own or an earlier one.
type Trace struct {
	By      string
	Replay  bool // answered from store: Request is somebody's earlier charge
	Request Request
	charge  *Request
}

// Trace follows a request id, of a charge or of a replay.
func (s *State) Trace(id string) (Trace, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := s.ids[id]; r != nil {
		return Trace{By: r.Principal, Request: r.copy()}, true
	}
	t, ok := s.replays[id]
	if ok {
		t.Request = t.charge.copy()
	}
	return t, ok
}

// Handed says whether the release of a charged request was made for a principal
// or given to it from store.
func (s *State) Handed(id, principal string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.ids[id]
	return r != nil && r.Release >= 0 && r.Release < s.signed && (r.Principal == principal || s.handed[[2]string{id, principal}])
}

// Published says whether a charge has a release that a checkpoint covers.
func (s *State) Published(r Request) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return r.Release >= 0 && r.Release < s.signed
}
