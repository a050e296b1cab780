package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/qunxiang/qunxiang/dp"
)

// charge admits a CHARGE, whose cost is then spent whatever becomes of it.
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
	for _, err := range []error{s.usable(c.Snapshot, l.Time), s.needAll(l.Time, c.Template, c.TemplateDigest, s.asking(c)...)} {
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

// asking are the principals whose people approve no template for a charge: who asks, and of
// a training those who ask for the job. Older rules know none.
func (s *State) asking(c *Charge) []string {
	if c.Rules < rulesAsked {
		return nil
	}
	if r := s.reservation(c.Key); c.Catalogue == Training && r != nil && r.By != "" {
		return []string{c.Principal, r.By}
	}
	return []string{c.Principal}
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
// set aside. After its last day nothing of it is held, and its charges take their room like
// any other.
func (s *State) spend(l Leaf, c *Charge) error {
	from, err := s.drawn(l, c)
	if err != nil {
		return err
	}
	inside := from != nil && from.Open(l.Time)
	var held int64
	if !inside {
		held = s.heldQuota(c.Grant, l.Time)
	}
	if g, used := s.grant.find(c.Grant), s.quota[c.Grant]+held; g.QuotaRho > 0 && c.Cost.Rho > g.QuotaRho-used {
		return &BudgetError{Scope: "grant:" + g.ID, Left: dp.Cost{Rho: max(0, g.QuotaRho-used)}}
	}
	after := make([]dp.Cost, len(c.Scopes))
	for i, scope := range c.Scopes {
		var others dp.Cost
		if !inside {
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
