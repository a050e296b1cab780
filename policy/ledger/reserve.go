package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/qunxiang/qunxiang/dp"
)

// Reserve sets aside, in each of its scopes and in the quota of its grant, what a
// training job may cost at most. While it is open nobody else's charge is admitted
// into what is left of it, and the job's own charges draw from it. It ends by CLOSE,
// or by itself with its last day.
//
// The clock of that end is the log's own: for a leaf, a reservation is open if its
// last day has not passed at the time which that leaf bears. No reader's clock and no
// moment of reading has a part in the fold, so a restart and an auditor come to the
// same. A reservation of which nobody speaks any more stands in the way of no leaf
// that is written after its last day.
type Reserve struct {
	Job            string // digest of the job card; a job sets aside once
	Principal      string
	Organisation   string
	Grant          string // as the job's charges will name it, and so Principal, Purpose and Template
	Purpose        string
	Template       string // id@version of the feature template
	TemplateDigest string
	Scopes         []string // of every charge of the job; written in order
	Cost           dp.Cost  // set aside in each scope
	Until          string   // last day, 2006-01-02 in UTC
	By             string   // the principal who asks for the job here; who that is approves nothing of it
	Rules          int64    // that it is held to; Ledger.Reserve fills them in
}

// Type gives RESERVE.
func (r *Reserve) Type() Type { return TypeReserve }

func (r *Reserve) members(f *form, l *Leaf) {
	f.asker(r)
	f.decimal("delta", &r.Cost.Delta)
	f.text("grant", &r.Grant)
	f.count("index", &l.Index)
	f.text("job", &r.Job)
	f.text("last_day", &r.Until)
	f.text("organisation", &r.Organisation)
	f.pad()
	f.previous(l)
	f.text("principal", &r.Principal)
	f.text("purpose", &r.Purpose)
	f.decimal("rho", &r.Cost.Rho)
	f.rules(&r.Rules)
	f.texts("scopes", &r.Scopes)
	f.text("template", &r.Template)
	f.text("template_digest", &r.TemplateDigest)
	f.end(l)
}

func (r *Reserve) check() error {
	err := checkTexts("job", r.Job, "principal", r.Principal, "organisation", r.Organisation, "grant", r.Grant,
		"purpose", r.Purpose, "template", r.Template, "template_digest", r.TemplateDigest)
	for _, e := range []error{err, r.checkAsker(), checkTemplate(r.Template), checkList("scopes", r.Scopes, true), checkDay(r.Until), checkRules(r.Rules)} {
		if e != nil {
			return e
		}
	}
	if r.Cost.Rho <= 0 || r.Cost.Delta < 0 {
		return fmt.Errorf("%w: a reservation costs something", ErrLeaf)
	}
	return nil
}

func (r *Reserve) checkAsker() error {
	if r.Rules >= rulesAsked {
		return checkTexts("by", r.By)
	}
	if r.By != "" {
		return fmt.Errorf("%w: rules %d know nobody who asks", ErrLeaf, r.Rules)
	}
	return nil
}

func checkDay(s string) error {
	if day, err := time.Parse(time.DateOnly, s); err != nil || day.Format(time.DateOnly) != s || day.Year() < 1970 {
		return fmt.Errorf("%w: no last day", ErrLeaf)
	}
	return nil
}

// Close ends a reservation: what was not charged is free again, and the job charges
// nothing more.
type Close struct {
	Reserve int64 // index of the RESERVE leaf
}

// Type gives CLOSE.
func (c *Close) Type() Type { return TypeClose }

func (c *Close) members(f *form, l *Leaf) {
	f.count("index", &l.Index)
	f.pad()
	f.previous(l)
	f.count("reserve", &c.Reserve)
	f.end(l)
}

func (c *Close) check() error { return checkCount("reserve", c.Reserve) }

// Reservation is a RESERVE and what became of it.
type Reservation struct {
	Reserve
	Index  int64     // of the RESERVE leaf
	Time   time.Time // of the RESERVE leaf
	Left   dp.Cost   // set aside in each scope and not charged
	Closed bool      // by a CLOSE
}

// Open says whether the reservation holds for a leaf of that time.
func (r *Reservation) Open(at time.Time) bool {
	return !r.Closed && !past(r.Until, at)
}

// Held is what open reservations have set aside in a scope and not used, for a leaf
// of that time. It is not in Spent.
func (s *State) Held(scope string, at time.Time) dp.Cost {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.held(scope, at)
}

// held cannot overflow: with what is spent it was within a cap.
func (s *State) held(scope string, at time.Time) (sum dp.Cost) {
	for _, r := range s.reserves {
		if r.Open(at) && slices.Contains(r.Scopes, scope) {
			sum.Rho, sum.Delta = sum.Rho+r.Left.Rho, sum.Delta+r.Left.Delta
		}
	}
	return sum
}

// HeldQuota is the rho, in 1e-12, that open reservations have set aside under a grant
// and not used, for a leaf of that time.
func (s *State) HeldQuota(grant string, at time.Time) int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.heldQuota(grant, at)
}

func (s *State) heldQuota(grant string, at time.Time) (rho int64) {
	for _, r := range s.reserves {
		if r.Open(at) && r.Grant == grant {
			rho += r.Left.Rho
		}
	}
	return rho
}

// Reservations are all reservations, oldest first.
func (s *State) Reservations() []Reservation {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]Reservation, len(s.reserves))
	for i, r := range s.reserves {
		all[i] = *r
		all[i].Scopes = slices.Clone(r.Scopes)
	}
	return all
}

// ReservationOf is a job's reservation; false if it never made one.
func (s *State) ReservationOf(job string) (Reservation, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r := s.reservation(job)
	if r == nil {
		return Reservation{}, false
	}
	out := *r
	out.Scopes = slices.Clone(r.Scopes)
	return out, true
}

func (s *State) reservation(job string) *Reservation {
	i := slices.IndexFunc(s.reserves, func(r *Reservation) bool { return r.Job == job })
	if i < 0 {
		return nil
	}
	return s.reserves[i]
}

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
		if err := s.needJob(l.Time, r); err != nil {
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
