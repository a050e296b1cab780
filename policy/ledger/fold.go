package ledger

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/qunxiang/qunxiang/dp"
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

func (s *State) charge(l Leaf, c *Charge) error {
	if s.grant == nil {
		return ErrNoCaps
	}
	if err := s.fresh(c.ID, c.Principal, c.Idempotency); err != nil {
		return err
	}
	if l.Previous != "" && c.Policy != s.grantIndex {
		return fmt.Errorf("%w: decided under leaf %d, in force is leaf %d", ErrPolicy, c.Policy, s.grantIndex)
	}
	if err := s.covered(c.Grant, c.Principal, c.Organisation, c.Template, c.Purpose, l.Time); err != nil {
		return err
	}
	if err := s.plausible(l, c); err != nil {
		return err
	}
	switch {
	case s.grant.nobodys(c.Principal) && c.Catalogue != Training:
		return fmt.Errorf("%w: the policy does not say which person %s is, and so it trains only", ErrGrant, c.Principal)
	case s.standing[c.Template].suspended:
		return ErrSuspended
	case !c.Due.After(l.Time):
		return fmt.Errorf("%w: due at once", ErrLeaf)
	case !slices.Contains(c.Scopes, s.population+"/life"):
		return fmt.Errorf("%w: the scope life is missing", ErrLeaf)
	}
	for _, err := range []error{s.usable(c.Snapshot, l.Time), s.needAll(l.Time, c.Template, c.TemplateDigest)} {
		if err != nil {
			return err
		}
	}
	if err := s.spend(l, c); err != nil {
		return err
	}
	s.meter(c.Organisation, c.Template, charged(l, c))
	r := &Request{Charge: *c, Index: l.Index, Time: l.Time, Release: -1}
	s.order = append(s.order, r)
	s.charges[l.Index], s.ids[c.ID] = r, r
	s.remember(c.Principal, c.Idempotency, asked{id: c.ID, digest: c.Request, charge: r})
	return nil
}

// epochZone is China Standard Time, in which the epochs of opt-outs are days.
const epochZone = 8 * time.Hour

// plausible holds a charge's cost to its noise and its epoch to its day. In training a round
// may last longer than a day, see trains. Format 1 is not held to it.
func (s *State) plausible(l Leaf, c *Charge) error {
	if l.Previous == "" {
		return nil
	}
	today := dayOf(l.Time)
	if c.Epoch > today || c.Catalogue != Training && c.Epoch < today-1 {
		return fmt.Errorf("%w: the opt-out epoch %d on day %d", ErrLeaf, c.Epoch, today)
	}
	if c.Catalogue == Training {
		return s.trains(l, c)
	}
	return c.dear(1)
}

// dear wants the cost to be what the noise costs at least where a person moves one cell by
// so much, squared: Gaussian noise of deviation sigma costs 1/(2 sigma^2) a channel where
// that is 1, as on whole numbers (Bun and Steinke 2016, proposition 1.6; Canonne, Kamath
// and Steinke 2020, theorem 4). Sums of floats depend on their order: it is that in which
// the leaf has the channels, so that every reader comes to the same.
func (c *Charge) dear(moved float64) error {
	least := 0.0
	for _, channel := range sortedKeys(c.Sigmas) {
		sigma := c.Sigmas[channel]
		least += 1 / (2 * sigma * sigma)
	}
	least *= moved
	if c.Cost.RhoFloat() < least*(1-1e-9) {
		return fmt.Errorf("%w: rho %g for noise that costs %g at least", ErrLeaf, c.Cost.RhoFloat(), least)
	}
	return nil
}

// covered wants a grant in force to cover somebody's asking.
func (s *State) covered(grant, principal, organisation, template, purpose string, at time.Time) error {
	g := s.grant.find(grant)
	if g == nil {
		return fmt.Errorf("%w: unknown grant", ErrGrant)
	}
	return g.covers(principal, organisation, template, purpose, at)
}

// spend takes a charge's cost from all of its scopes and from the quota of its grant,
// or from none. What draws from a reservation has its place there already, and is held
// to the caps alone, which may be lower than they were; everything else leaves what is
// set aside.
func (s *State) spend(l Leaf, c *Charge) error {
	from, err := s.drawn(l, c)
	if err != nil {
		return err
	}
	var held int64
	if from == nil {
		held = s.heldQuota(c.Grant, l.Time)
	}
	if g, used := s.grant.find(c.Grant), s.quota[c.Grant]+held; g.QuotaRho > 0 && c.Cost.Rho > g.QuotaRho-used {
		return &BudgetError{Scope: "grant:" + g.ID, Left: dp.Cost{Rho: max(0, g.QuotaRho-used)}}
	}
	after := make([]dp.Cost, len(c.Scopes))
	for i, scope := range c.Scopes {
		var others dp.Cost
		if from == nil {
			others = s.held(scope, l.Time)
		}
		if after[i], err = s.fits(scope, c.Cost, others); err != nil {
			return err
		}
	}
	for i, scope := range c.Scopes {
		s.spent[scope] = after[i]
	}
	s.quota[c.Grant] += c.Cost.Rho
	if from != nil {
		from.Left.Rho, from.Left.Delta = from.Left.Rho-c.Cost.Rho, from.Left.Delta-c.Cost.Delta
	}
	return nil
}

func left(limit, spent dp.Cost) dp.Cost {
	return dp.Cost{Rho: max(0, limit.Rho-spent.Rho), Delta: max(0, limit.Delta-spent.Delta)}
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
	s.replays[b.ID] = Trace{By: b.Principal, Replay: true, charge: r}
	s.handed[[2]string{r.ID, b.Principal}] = true
	s.remember(b.Principal, b.Idempotency, asked{id: b.ID, digest: b.Request, replay: true, charge: r})
	return nil
}

// mayRead wants somebody who is handed a stored release to have a grant for what it
// answers, as for a charge, or to read all by their role: those read on where the policy
// has lost its approvals.
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
	return s.needGrant(l.Time)
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
