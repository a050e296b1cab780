package audit

// snapshot is a SNAPSHOT and what became of it.
type snapshot struct {
	at          int64
	content, by string
	deleted     bool
}

func (b *books) register(r *Report, at int64, l *leaf) {
	if b.snapshots[string(l.snapshot)] != nil {
		r.find(SnapshotTwice, at, "logged before")
	}
	s := &snapshot{at: at, by: string(l.principal)}
	s.content = content(l.raw)
	b.want(r, at, l.time, b.terms, "snapshot", s.content, b.askedBy(r, at, s.by))
	b.snapshots[string(l.snapshot)] = s
	if b.logged == nil {
		b.logged = map[int64]*snapshot{}
	}
	b.logged[at] = s
}

// deletion takes in that a released file or a snapshot was removed.
func (b *books) deletion(r *Report, at int64, l *leaf) {
	b.want(r, at, l.time, b.terms, "delete", content(l.raw), b.askedBy(r, at, string(l.principal)))
	if l.ref < at && b.place[l.ref] <= aRelease {
		b.unfile(r, at, l)
		return
	}
	if s := b.logged[l.ref]; s != nil && !s.deleted {
		s.deleted = true
		return
	}
	r.find(DeleteInvalid, at, "leaf %d is no release and no snapshot, or was deleted before", l.ref)
}

func (b *books) unfile(r *Report, at int64, l *leaf) {
	kept := int64(leastKept)
	if b.terms != nil {
		kept = max(kept, b.terms.kept)
	}
	age := l.time - b.charges[aRelease-b.place[l.ref]].due
	_, before := b.deleted[l.ref]
	switch {
	case before:
		r.find(DeleteInvalid, at, "release %d was deleted before", l.ref)
	case age < kept*day:
		r.find(DeleteInvalid, at, "deleted %d days after its release, to be kept for %d", age/day, kept)
	}
	if !before {
		b.deleted[l.ref] = at
	}
}

func (b *books) audited(r *Report, at int64, l *leaf) {
	b.want(r, at, l.time, b.terms, "audit", string(l.digest), b.askedBy(r, at, string(l.principal)))
	if l.ref > at || b.looks[string(l.digest)] {
		r.find(AuditInvalid, at, "a look at leaves that are not there, or taken twice by one approval")
	}
	b.looks[string(l.digest)] = true
	b.roots = append(b.roots, look{at, l.ref, string(l.digest)})
	r.Looks = append(r.Looks, Look{Leaf: at, Leaves: l.ref, By: string(l.principal), Passed: l.passed})
	if !l.passed {
		r.find(NoiseAuditFailed, at, "the released noise was not what was claimed")
	}
}
