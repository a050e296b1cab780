package audit

import "bytes"

// reserve is what a training job has set aside, and what became of it.
type reserve struct {
	at, made   int64 // its leaf, and the time of that
	job, grant string
	terms      name   // of its charges: all that they and the RESERVE must agree in
	by         string // who asks for the job, "" under older rules
	named      string // what its approvals are called; under older rules anything
	scopes     map[string]bool
	left       Cost
	end        int64 // first second after its last day
	closed     bool
	counted    bool // in what is set aside
}

func (v *reserve) open(at int64) bool { return !v.closed && at < v.end }

// agreed names what a RESERVE and the charges that draw from it have in common.
func (b *books) agreed(l *leaf) name {
	parts := [][]byte{l.grant, l.principal, l.purpose, l.template, l.templateDigest}
	return b.names.of(bytes.Join(parts, []byte{0}), bytes.Join(l.list, []byte{0}))
}

// asker is who asks for the job of a charge, "" for a question and under older rules.
func (b *books) asker(l *leaf) string {
	if v := b.find(l.key); v != nil && string(l.catalogue) == training {
		return v.by
	}
	return ""
}

func (b *books) find(job []byte) *reserve { return b.aside.jobs[string(job)] }

// reserve holds a RESERVE to the rules of a charge of all that it sets aside.
func (b *books) reserve(r *Report, at int64, l *leaf) {
	r.Reserves++
	b.ruled(r, at, l)
	if b.find(l.job) != nil {
		r.find(ReserveTwice, at, "the job has set aside before")
	}
	if l.time >= l.end {
		r.find(ReserveLate, at, "its last day had passed")
	}
	if s := b.standing[string(l.template)]; s != nil && s.suspended {
		r.find(Suspended, at, "its template is suspended")
	}
	v := &reserve{at: at, made: l.time, job: string(l.job), grant: string(l.grant), terms: b.agreed(l), scopes: map[string]bool{}, left: l.cost, end: l.end}
	v.by, v.named = string(l.by), b.onTerms(l)
	b.inForce(r, at, l, v.by)
	if l.rules > 0 {
		b.job(r, at, l, v)
	}
	if b.terms == nil {
		r.find(NoCaps, at, "no GRANT has set caps")
	} else if g := b.granted(r, at, l); g != nil && g.quota > 0 {
		if used := add(add(b.quota[g.id], b.heldQuota(g.id, l.time)), l.cost.Rho); used > g.quota {
			r.find(QuotaPassed, at, "grant %q: %d charged or set aside, its quota is %d", l.grant, used, g.quota)
		}
	}
	b.spend(r, at, l, Cost{}, l.cost, false)
	for _, scope := range l.list {
		v.scopes[string(scope)] = true
	}
	b.reserves = append(b.reserves, v)
	b.reserved[at] = v
	b.aside.add(v)
}

// draw gives the open reservation that a charge draws from, nil for none, after it has
// taken the charge from it. After its last day a job charges no more than was left either,
// but what was set aside is free again: the charge takes its room like any other.
func (b *books) draw(r *Report, at int64, l *leaf) *reserve {
	if string(l.catalogue) != training {
		return nil
	}
	v := b.find(l.key)
	switch {
	case v == nil:
		return nil
	case v.closed:
		r.find(ReserveClosed, at, "its job's reservation is closed")
		return nil
	case !v.open(l.time) && l.rules == 0:
		return nil
	case v.terms != b.agreed(l):
		r.find(ReserveMismatch, at, "it is another charge than was set aside for")
		return nil
	}
	if l.cost.Rho > v.left.Rho || l.cost.Delta > v.left.Delta {
		r.find(ReservePassed, at, "(%d, %d) charged, (%d, %d) was left of what was set aside", l.cost.Rho, l.cost.Delta, v.left.Rho, v.left.Delta)
	}
	b.aside.count(v, -1)
	v.left = Cost{max(0, v.left.Rho-l.cost.Rho), max(0, v.left.Delta-l.cost.Delta)}
	b.aside.count(v, 1)
	if !v.open(l.time) {
		return nil
	}
	return v
}

func (b *books) unreserve(r *Report, at int64, l *leaf) {
	v := b.reserved[l.ref]
	switch {
	case v == nil:
		r.find(CloseUnknown, at, "leaf %d is no reservation", l.ref)
	case v.closed:
		r.find(CloseTwice, at, "reservation %d was closed before", l.ref)
	default:
		v.closed = true
		b.aside.drop(v)
	}
}

// reservations reports, at the log's end, those that are open and those that nobody
// has closed: a job whose node went away. What they set aside is free again.
func (b *books) reservations(r *Report) {
	for _, v := range b.reserves {
		switch {
		case v.open(b.last):
			r.Reserved++
		case !v.closed:
			r.note(ReserveUnclosed, "reservation %d ended with its last day and was never closed", v.at)
		}
	}
}

func (c *cursor) reserve(l *leaf) {
	l.kind = "RESERVE"
	if c.has(`{"by":`) {
		l.by = c.text(`{"by":`)
		l.cost.Delta = c.decimal(`,"delta":`)
	} else {
		l.cost.Delta = c.decimal(`{"delta":`)
	}
	l.grant = c.text(`,"grant":`)
	l.index = c.count(`,"index":`)
	l.job = c.text(`,"job":`)
	l.end = c.day(`,"last_day":`)
	l.organisation = c.text(`,"organisation":`)
	c.padding()
	c.link(l)
	l.principal = c.text(`,"principal":`)
	l.purpose = c.text(`,"purpose":`)
	l.cost.Rho = c.decimal(`,"rho":`)
	c.rules(l)
	l.list = c.ordered(`,"scopes":`, l.list)
	l.template = c.version(`,"template":`)
	l.templateDigest = c.text(`,"template_digest":`)
	c.bad = c.bad || l.cost.Rho == 0 || l.end <= 0 || (l.rules >= rulesAsked) != (len(l.by) > 0)
}

func (c *cursor) close(l *leaf) {
	l.kind = "CLOSE"
	l.index = c.count(`{"index":`)
	c.padding()
	c.link(l)
	l.ref = c.count(`,"reserve":`)
}
