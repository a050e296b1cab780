package ledger

import (
	"fmt"
	"time"
)

// Trace is what became of a request id: who asked under it, and the charge
// whose release answers it, his own or an earlier one.
type Trace struct {
	ID      string
	By      string
	Time    time.Time // of the CHARGE or REPLAY leaf
	Purpose string    // as asked, see policy.ReadReleases for who reads by role
	Replay  bool      // answered from store: Request is somebody's earlier charge
	Request Request
	charge  *Request
}

// Trace follows a request id, of a charge or of a replay.
func (s *State) Trace(id string) (Trace, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if r := s.ids[id]; r != nil {
		return Trace{ID: id, By: r.Principal, Time: r.Time, Purpose: r.Purpose, Request: r.copy()}, true
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

// replay takes in that a stored release was given to somebody.
func (s *State) replay(l Leaf, b *Replay) error {
	r := s.releases[b.Release]
	if r == nil {
		return fmt.Errorf("%w: release %d", ErrUnknown, b.Release)
	}
	if err := s.fresh(b.ID, b.Principal, b.Idempotency); err != nil {
		return err
	}
	if err := s.mayRead(l, b, r); err != nil {
		return err
	}
	s.ids[b.ID] = nil
	s.meter(b.Organisation, r.Template, Usage{Repeats: 1})
	s.replays[b.ID] = Trace{ID: b.ID, By: b.Principal, Time: l.Time, Purpose: b.Purpose, Replay: true, charge: r}
	s.repeats[b.Principal] = append(s.repeats[b.Principal], b.ID)
	s.handed[[2]string{r.ID, b.Principal}] = true
	s.remember(b.Principal, b.Idempotency, asked{id: b.ID, digest: b.Request, replay: true, charge: r})
	return nil
}

// mayRead wants somebody who is handed a stored release to have a grant for what it
// answers, as for a charge, and the policy and the template to be approved still; or to read
// all by their role: those read on where approvals are lost. In a log of older rules the
// template was not asked for.
func (s *State) mayRead(l Leaf, b *Replay, r *Request) error {
	byRole := b.Purpose == readReleases
	switch {
	case l.Previous == "": // format 1 does not name the grant
		if byRole {
			return nil
		}
		return s.needGrant(l.Time)
	case byRole && b.Grant == "" && s.grant.reads(b.Principal, b.Organisation):
		return nil
	case byRole:
		return fmt.Errorf("%w: %s does not read every release", ErrGrant, b.Principal)
	case s.grant.nobodys(b.Principal):
		return fmt.Errorf("%w: the policy does not say which person %s is", ErrGrant, b.Principal)
	}
	if err := s.covered(b.Grant, b.Principal, b.Organisation, r.Template, b.Purpose, l.Time); err != nil {
		return err
	}
	if s.rules < rulesAsked {
		return s.needGrant(l.Time)
	}
	return s.needAll(l.Time, r.Template, r.TemplateDigest, b.Principal)
}
