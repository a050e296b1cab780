package audit

import (
	"bytes"
	"cmp"
	"math"
	"slices"
)

// spend adds the cost to every scope and holds each against its cap, with what else
// counts there: what the leaf sets aside and, but for a charge that draws from it, what
// is set aside already.
func (b *books) spend(r *Report, at int64, l *leaf, cost, aside Cost, drawn bool) {
	life := false
	for _, name := range l.list {
		s := b.scopes[string(name)]
		if s == nil {
			year, ok := b.kind(name)
			if !ok {
				r.find(ScopeInvalid, at, "%q is not a scope of this population", name)
				continue
			}
			s = &scope{year: year}
			b.scopes[string(name)] = s
		}
		life = life || !s.year
		s.spent = s.spent.plus(cost)
		if b.scope == string(name) && l.kind == "CHARGE" {
			r.History = append(r.History, Spend{at, l.time, string(l.principal), string(l.organisation), string(l.purpose), string(l.template), cost, s.spent, b.limit(s)})
		}
		all := s.spent.plus(aside)
		if !drawn {
			all = all.plus(b.held(string(name), l.time))
		}
		if limit := b.limit(s); b.terms != nil && (all.Rho > limit.Rho || all.Delta > limit.Delta) {
			r.find(CapPassed, at, "%q: (%d, %d) charged or set aside, the cap is (%d, %d)", name, all.Rho, all.Delta, limit.Rho, limit.Delta)
		}
	}
	if !life {
		r.find(ScopeInvalid, at, "the scope life is missing")
	}
}

// kind says whether a scope is a year's (else life's), and whether it is one.
func (b *books) kind(name []byte) (year, ok bool) {
	rest, ok := bytes.CutPrefix(name, []byte(b.population+"/"))
	if !ok || string(rest) == "life" {
		return false, ok
	}
	digit := func(c byte) bool { return '0' <= c && c <= '9' }
	return true, len(rest) == 4 && digit(rest[0]) && digit(rest[1]) && digit(rest[2]) && digit(rest[3])
}

func (b *books) limit(s *scope) Cost {
	switch {
	case b.terms == nil:
		return Cost{}
	case s.year:
		return b.terms.year
	}
	return b.terms.life
}

func (c Cost) plus(o Cost) Cost { return Cost{add(c.Rho, o.Rho), add(c.Delta, o.Delta)} }

// add stops at the largest number, which is above every cap that matters.
func add(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// use is what a leaf's organisation has asked for its purpose.
func (b *books) use(l *leaf) *Use {
	of := b.uses[string(l.organisation)]
	if of == nil {
		of = map[string]*Use{}
		b.uses[string(l.organisation)] = of
	}
	u := of[string(l.purpose)]
	if u == nil {
		u = &Use{Organisation: string(l.organisation), Purpose: string(l.purpose)}
		of[u.Purpose] = u
	}
	return u
}

// close fills in what the report says of the whole log.
func (b *books) close(r *Report) {
	for _, c := range b.charges {
		if c.state == open {
			r.Open++
		}
	}
	if b.terms != nil {
		r.Mode = b.terms.mode
	}
	b.supervision(r)
	b.unruledNote(r)
	for name, s := range b.scopes {
		r.Scopes = append(r.Scopes, Scope{Name: name, Spent: s.spent, Cap: b.limit(s), Held: b.held(name, b.last)})
	}
	b.reservations(r)
	for _, of := range b.uses {
		for _, u := range of {
			r.Uses = append(r.Uses, *u)
		}
	}
	slices.SortFunc(r.Uses, func(x, y Use) int {
		return cmp.Or(cmp.Compare(x.Organisation, y.Organisation), cmp.Compare(x.Purpose, y.Purpose))
	})
	slices.SortFunc(r.Scopes, func(x, y Scope) int { return bytes.Compare([]byte(x.Name), []byte(y.Name)) })
}
