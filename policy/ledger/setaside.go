package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/qunxiang/qunxiang/dp"
)

// setAside admits a RESERVE: its whole cost fits beside all that is charged and all
// that is set aside.
func (s *State) setAside(l Leaf, r *Reserve) error {
	if s.grant == nil {
		return ErrNoCaps
	}
	g := s.grant.find(r.Grant)
	switch {
	case s.reservation(r.Job) != nil:
		return fmt.Errorf("%w: a job sets aside once", ErrDuplicate)
	case g == nil:
		return fmt.Errorf("%w: unknown grant", ErrGrant)
	case g.covers(r.Principal, r.Organisation, r.Template, r.Purpose, l.Time) != nil:
		return g.covers(r.Principal, r.Organisation, r.Template, r.Purpose, l.Time)
	case s.standing[r.Template].suspended:
		return ErrSuspended
	case past(r.Until, l.Time):
		return fmt.Errorf("%w: its last day has passed", ErrReserve)
	case !slices.Contains(r.Scopes, s.population+"/life"):
		return fmt.Errorf("%w: the scope life is missing", ErrLeaf)
	}
	if err := s.needAll(l.Time, r.Template, r.TemplateDigest, r.askers()...); err != nil {
		return err
	}
	if r.Rules > 0 {
		if err := s.needJob(l.Time, r, r.Rules); err != nil {
			return err
		}
	}
	if err := s.roomIn(g, r.Scopes, r.Cost, l.Time); err != nil {
		return err
	}
	c := &Reservation{Reserve: *r, Index: l.Index, Time: l.Time, Left: r.Cost}
	c.Scopes = slices.Clone(r.Scopes)
	s.reserves = append(s.reserves, c)
	return nil
}

// Room says whether a cost fits, for a leaf of that time, in the scopes and in the
// quota of a grant in force, beside what is charged and what is set aside. ErrNoCaps,
// ErrGrant, ErrLeaf for a text that is no scope, or a *BudgetError.
func (s *State) Room(grant string, scopes []string, cost dp.Cost, at time.Time) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.grant == nil {
		return ErrNoCaps
	}
	g := s.grant.find(grant)
	if g == nil {
		return fmt.Errorf("%w: unknown grant", ErrGrant)
	}
	return s.roomIn(g, scopes, cost, at)
}

// roomIn is Room under the lock.
func (s *State) roomIn(g *Granted, scopes []string, cost dp.Cost, at time.Time) error {
	if used := s.quota[g.ID] + s.heldQuota(g.ID, at); g.QuotaRho > 0 && cost.Rho > g.QuotaRho-used {
		return &BudgetError{Scope: "grant:" + g.ID, Left: dp.Cost{Rho: max(0, g.QuotaRho-used)}}
	}
	for _, scope := range scopes {
		if _, err := s.fits(scope, cost, s.held(scope, at)); err != nil {
			return err
		}
	}
	return nil
}

// fits says whether a cost fits in a scope beside what is charged and what is held for
// others, and gives what is charged then.
func (s *State) fits(scope string, cost, held dp.Cost) (after dp.Cost, err error) {
	limit, ok := s.cap(scope)
	if !ok {
		return after, fmt.Errorf("%w: not a scope of this population", ErrLeaf)
	}
	after, err = s.spent[scope].Plus(cost)
	if err == nil {
		var all dp.Cost
		if all, err = after.Plus(held); err == nil && all.Fits(limit) {
			return after, nil
		}
	}
	used, err := s.spent[scope].Plus(held)
	if err != nil {
		used = limit
	}
	return after, &BudgetError{Scope: scope, Left: left(limit, used)}
}

// drawn is the reservation that a charge draws from, nil for none: a training's whose
// job has one. Its charges are never more than it has set aside, after its last day too.
// ErrReserve for a charge of a job whose reservation is
// closed, or that is not what was set aside, or more. That a training has one, trains sees
// to.
func (s *State) drawn(l Leaf, c *Charge) (*Reservation, error) {
	if c.Catalogue != Training {
		return nil, nil
	}
	r := s.reservation(c.Key)
	switch {
	case r == nil:
		return nil, nil
	case r.Closed:
		return nil, fmt.Errorf("%w: the job's reservation is closed", ErrReserve)
	case c.Rules == 0 && !r.Open(l.Time):
		return nil, nil
	case c.Grant != r.Grant || c.Principal != r.Principal || c.Purpose != r.Purpose || c.Template != r.Template ||
		c.TemplateDigest != r.TemplateDigest || !slices.Equal(c.Scopes, r.Scopes):
		return nil, fmt.Errorf("%w: the charge is another than was set aside for", ErrReserve)
	case !c.Cost.Fits(r.Left):
		return nil, fmt.Errorf("%w: rho %g is left of it", ErrReserve, r.Left.RhoFloat())
	}
	return r, nil
}

// unreserve admits a CLOSE. One that comes after the last day says only that the job
// is over.
func (s *State) unreserve(b *Close) error {
	i := slices.IndexFunc(s.reserves, func(r *Reservation) bool { return r.Index == b.Reserve })
	switch {
	case i < 0:
		return fmt.Errorf("%w: reservation %d", ErrUnknown, b.Reserve)
	case s.reserves[i].Closed:
		return fmt.Errorf("%w: closed before", ErrReserve)
	}
	s.reserves[i].Closed = true
	return nil
}
