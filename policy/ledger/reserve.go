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
	By             string   // the principal who asks for the job here; who that is approves neither the job nor its template
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
