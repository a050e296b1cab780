package ledger

import (
	"maps"
	"slices"
)

// Barred are the people whose approvals of something do not count, because they stand
// behind principals who ask for it; in order.
func (s *State) Barred(by ...string) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.grant == nil {
		return nil
	}
	not := map[string]bool{}
	for _, principal := range by {
		not[s.grant.person(principal)] = true
	}
	delete(not, "")
	return slices.Sorted(maps.Keys(not))
}

// BarredFromGrant are the people whose approvals of a policy do not count: who put it
// forward, and whom it gives something. It is the policy in force where g is nil.
func (s *State) BarredFromGrant(g *Grant) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	not := s.askers
	if g != nil {
		not = askersOf(g, s.grant)
	}
	return slices.Sorted(maps.Keys(not))
}
