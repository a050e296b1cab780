package audit

import "slices"

// of gives the charge that a RELEASE or ABANDON is about, or nil.
func (b *books) of(r *Report, at int64, l *leaf) *charge {
	if l.ref >= at || b.place[l.ref] < 0 {
		r.find(ChargeUnknown, at, "leaf %d is no charge", l.ref)
		return nil
	}
	return &b.charges[b.place[l.ref]]
}

func (b *books) release(r *Report, at int64, l *leaf) {
	r.Releases++
	c := b.of(r, at, l)
	if c == nil {
		return
	}
	b.place[at] = aRelease - b.place[l.ref]
	if c.id != l.names.id {
		r.find(IDMismatch, at, "its charge has another request id")
	}
	switch c.state {
	case released:
		r.find(SecondRelease, at, "charge %d was released before", l.ref)
	case abandoned:
		r.find(AfterAbandon, at, "charge %d was abandoned before", l.ref)
	}
	switch {
	case l.time != c.due:
		r.find(ReleaseTime, at, "released %d seconds off its slot", l.time-c.due)
	case b.last > l.time+grace:
		r.find(ReleaseTime, at, "appended at least %d seconds after its slot", b.last-l.time)
	}
	b.last = max(b.last, l.time)
	if c.state == open && !b.digests.first(l.names.digest) {
		r.find(ReleaseAgain, at, "%s was released for another charge", l.digest)
	}
	c.state = released
}

func (b *books) abandon(r *Report, at int64, l *leaf) {
	r.Abandoned++
	c := b.of(r, at, l)
	if c == nil {
		return
	}
	switch c.state {
	case released:
		r.find(AfterRelease, at, "charge %d was released before", l.ref)
	case abandoned:
		r.find(AfterAbandon, at, "charge %d was abandoned before", l.ref)
	}
	c.state = abandoned
	s := c.standing
	if len(s.abandons) == suspendAfter { // the newest are enough to know
		s.abandons = slices.Delete(s.abandons, 0, 1)
	}
	s.abandons = append(s.abandons, l.time)
	s.abandons = slices.DeleteFunc(s.abandons, func(t int64) bool { return l.time-t > suspendWithin })
	if !s.suspended && len(s.abandons) >= suspendAfter {
		s.suspended, s.since = true, at
	}
}

func (b *books) resume(r *Report, at int64, l *leaf) {
	s := b.standing[string(l.template)]
	if s == nil || !s.suspended {
		r.find(ResumeInvalid, at, "the template is not suspended")
		return
	}
	if !b.old(l) && l.ref != s.since {
		r.find(ResumeInvalid, at, "the template is suspended since leaf %d, not %d", s.since, l.ref)
	}
	var by []string
	for _, p := range l.list {
		by = append(by, string(p))
	}
	b.want(r, at, l.time, b.terms, "resume", content(l.raw), b.askedBy(r, at, by...))
	*s = standing{template: s.template}
}

func (b *books) enforce(r *Report, at int64, l *leaf) {
	t := l.terms
	if t.population != b.population {
		r.find(WrongPopulation, at, "for %q", t.population)
	}
	if old := b.terms; old != nil {
		if t.year.Rho > old.year.Rho || t.year.Delta > old.year.Delta || t.life.Rho > old.life.Rho || t.life.Delta > old.life.Delta {
			r.find(CapRaised, at, "a cap is above the one before")
		}
	}
	in := int64(-1)
	if b.terms != nil {
		in = b.terms.at
	}
	if !b.old(l) && t.replaces != in {
		r.find(PolicyOrder, at, "it takes the place of leaf %d, in force is leaf %d", t.replaces, in)
	}
	b.supervise(r, at, l)
	t.at = at
	b.terms = t
}
