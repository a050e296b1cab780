package ledger

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Grace is how long after its slot a release may still be appended: what a
// clock, a scheduler or an fsync may take, and far less than a run.
const Grace = 5 * time.Second

// modeEvaluation marks a domain without approvers.
const modeEvaluation = "evaluation"

// A template version abandoned suspendAfter times within suspendWithin is
// suspended until it is resumed.
const (
	suspendAfter  = 3
	suspendWithin = 365 * 24 * time.Hour
)

// apply folds one leaf, whose bytes are raw, or refuses it and changes nothing. Writing and reading
// share it: what was admitted once is admitted again at every restart, and a
// log that breaks a rule does not open.
func (s *State) apply(l Leaf, raw []byte) error {
	if l.Index != s.size {
		return fmt.Errorf("%w: index %d at place %d", ErrLeaf, l.Index, s.size)
	}
	if l.Body.Type() != TypeRelease && l.Time.Before(s.last) {
		return fmt.Errorf("%w: time goes back", ErrLeaf)
	}
	if err := s.chain.takes(&l); err != nil {
		return err
	}
	if err := s.heldTo(l.Body); err != nil {
		return err
	}
	if err := s.admit(l); err != nil {
		return err
	}
	s.chain.add(&l, raw)
	s.grown(l.Body)
	s.size++
	if l.Time.After(s.last) {
		s.last = l.Time
	}
	return nil
}

func (s *State) admit(l Leaf) error {
	switch b := l.Body.(type) {
	case *Charge:
		return s.charge(l, b)
	case *Release:
		return s.release(l, b)
	case *Abandon:
		return s.abandon(l, b)
	case *Replay:
		return s.replay(l, b)
	case *Grant:
		return s.enforce(l, b)
	case *Snapshot:
		return s.register(l, b)
	case *Resume:
		return s.resume(l, b)
	case *Reserve:
		return s.setAside(l, b)
	case *Close:
		return s.unreserve(b)
	case *Approve:
		return s.approve(l, b)
	case *Key:
		return s.rekey(l, b)
	case *Delete:
		return s.remove(l, b)
	case *Audit:
		return s.audited(l, b)
	case *Deny:
		s.attempts.fold(b)
	}
	return nil
}

// fresh refuses an id or an idempotency digest that was used before.
func (s *State) fresh(id, principal, idempotency string) error {
	if _, used := s.ids[id]; used {
		return fmt.Errorf("%w: id", ErrDuplicate)
	}
	if _, used := s.asked[[2]string{principal, idempotency}]; used {
		return fmt.Errorf("%w: idempotency key", ErrDuplicate)
	}
	return nil
}

func (s *State) remember(principal, idempotency string, a asked) {
	if idempotency != "" {
		s.asked[[2]string{principal, idempotency}] = a
	}
}

// pending gives the open charge at a CHARGE leaf.
func (s *State) pending(index int64) (*Request, error) {
	r := s.charges[index]
	switch {
	case r == nil:
		return nil, fmt.Errorf("%w: charge %d", ErrUnknown, index)
	case r.Release >= 0:
		return nil, ErrAlreadyReleased
	case r.Abandoned:
		return nil, ErrAbandoned
	}
	return r, nil
}

func (s *State) release(l Leaf, b *Release) error {
	r, err := s.pending(b.Charge)
	switch {
	case err != nil:
		return err
	case r.ID != b.ID:
		return fmt.Errorf("%w: not the charge's id", ErrLeaf)
	case !l.Time.Equal(r.Due):
		return fmt.Errorf("%w: a release bears the time of its slot", ErrLeaf)
	case s.last.After(r.Due.Add(Grace)):
		return ErrLate
	case s.digests[b.Digest]: // else one draw would be the answer to two charges
		return ErrSameAnswer
	}
	r.Release, r.Digest = l.Index, b.Digest
	s.digests[b.Digest] = true
	s.releases[l.Index] = r
	s.keys[r.Key] = append(s.keys[r.Key], r)
	return nil
}

func (s *State) abandon(l Leaf, b *Abandon) error {
	r, err := s.pending(b.Charge)
	if err != nil {
		return err
	}
	r.Abandoned = true
	s.abandoned++
	if r.Catalogue == Training {
		return nil
	}
	st := s.standing[r.Template]
	st.abandons = slices.DeleteFunc(append(st.abandons, l.Time), func(t time.Time) bool {
		return l.Time.Sub(t) > suspendWithin
	})
	if !st.suspended && len(st.abandons) >= suspendAfter {
		st.suspended, st.since = true, l.Index
	}
	s.standing[r.Template] = st
	return nil
}

func (c Charge) copy() Charge {
	c.Scopes, c.Sigmas = slices.Clone(c.Scopes), maps.Clone(c.Sigmas)
	return c
}

func (r *Request) copy() Request {
	c := *r
	c.Charge = r.Charge.copy()
	return c
}

func (g Grant) copy() Grant {
	g.Grants = slices.Clone(g.Grants)
	for i := range g.Grants {
		e := &g.Grants[i]
		e.Templates, e.Purposes = slices.Clone(e.Templates), slices.Clone(e.Purposes)
	}
	g.Approvers, g.Persons, g.Witnesses.Keys = slices.Clone(g.Approvers), slices.Clone(g.Persons), slices.Clone(g.Witnesses.Keys)
	g.Readers = slices.Clone(g.Readers)
	return g
}
