package audit

import (
	"bytes"

	"github.com/qunxiang/qunxiang/policy/witness"
)

const (
	grace         = 5               // seconds a release may come after its slot
	suspendAfter  = 3               // abandoned so often ...
	suspendWithin = 365 * 24 * 3600 // ... within so many seconds
)

// books are the auditor's own fold of the log.
type books struct {
	population string
	scope      string          // whose charges are listed, "" for none
	rekeyed    []rekeyed       // keys of the log
	named      map[string]bool // keys that a KEY leaf named
	last       int64           // newest time seen
	terms      *terms
	scopes     map[string]*scope
	quota      map[string]int64
	snapshots  map[string]*snapshot
	deleted    map[int64]int64 // DELETE leaf by RELEASE leaf
	pinned     *witness.Trust  // of the auditor
	rules      int64           // of the newest leaf that bears any
	unruled    unruled
	since      int64                      // the first supervised policy, -1 for none
	before     int64                      // charges that were made until then
	looks      map[string]bool            // noise audits, by root
	roots      []look                     // that they are said to be of
	approvals  map[thing]map[string]*said // by person
	head       link                       // what the next leaf is chained to
	linked     bool
	names      namer
	ids        nameSet
	asked      nameSet // principal and idempotency digest
	digests    nameSet // of released files
	standing   map[string]*standing
	texts      map[string]string // interned
	place      []int32           // by leaf: its charge in charges, noCharge or aRelease
	charges    []charge
	reserves   []*reserve
	reserved   map[int64]*reserve // by leaf
	aside      aside
	logged     map[int64]*snapshot        // by leaf
	uses       map[string]map[string]*Use // by organisation and purpose
}

type scope struct {
	spent Cost
	year  bool
}

type charge struct {
	id       name
	due      int64
	state    state
	training bool
	standing *standing
	digest   string // of its template, interned
}

type state byte

const (
	open state = iota
	released
	abandoned
)

type standing struct {
	template  string
	abandons  []int64
	suspended bool
	since     int64
}

func newBooks(population string) *books {
	return &books{population: population, since: -1, named: map[string]bool{}, scopes: map[string]*scope{}, quota: map[string]int64{}, snapshots: map[string]*snapshot{}, deleted: map[int64]int64{}, looks: map[string]bool{}, approvals: map[thing]map[string]*said{},
		standing: map[string]*standing{}, texts: map[string]string{}, uses: map[string]map[string]*Use{},
		reserved: map[int64]*reserve{}, names: newNamer()}
}

// old says that a leaf is of format 1.
func (b *books) old(l *leaf) bool { return l.previous == nil }

// What place says of a leaf that is no charge.
const (
	noCharge = -1
	aRelease = -2 // and below: a release of the charge so many places down
)

// expect makes room for about so many leaves, half of them charges.
func (b *books) expect(n int) {
	b.place, b.charges = make([]int32, 0, n), make([]charge, 0, n/2)
	b.ids.expect(n / 2)
	b.asked.expect(n / 2)
	b.digests.expect(n / 2)
}

// fold takes in the leaf at a place of the log.
func (b *books) fold(r *Report, at int64, l *leaf) {
	b.place = append(b.place, noCharge)
	if l.index != at {
		r.find(LeafIndex, at, "the leaf calls itself %d", l.index)
	}
	if l.kind != "RELEASE" {
		b.tick(r, at, l.time)
	}
	b.chained(r, at, l)
	switch l.kind {
	case "CHARGE":
		b.charge(r, at, l)
	case "RELEASE":
		b.release(r, at, l)
	case "ABANDON":
		b.abandon(r, at, l)
	case "REPLAY":
		r.Replays++
		b.use(l).Replays++
		b.once(r, at, l)
		b.replay(r, at, l)
	case "DENY":
		r.Denied++
	case "SNAPSHOT":
		b.register(r, at, l)
	case "GRANT":
		b.enforce(r, at, l)
	case "APPROVE":
		b.approve(r, at, l)
	case "KEY":
		b.rekey(r, at, l)
	case "DELETE":
		b.deletion(r, at, l)
	case "AUDIT":
		b.audited(r, at, l)
	case "RESUME":
		b.resume(r, at, l)
	case "RESERVE":
		b.reserve(r, at, l)
	case "CLOSE":
		b.unreserve(r, at, l)
	}
}

func (b *books) tick(r *Report, at, now int64) {
	if now < b.last {
		r.find(TimeBackwards, at, "%d seconds before an earlier leaf", b.last-now)
		return
	}
	b.last = now
}

// once checks that neither the id nor the principal's idempotency digest has
// been used. It gives the id.
func (b *books) once(r *Report, at int64, l *leaf) name {
	id := l.names.id
	if !b.ids.first(id) {
		r.find(DuplicateID, at, "request id used before")
	}
	if len(l.idempotency) > 0 && !b.asked.first(l.names.asked) {
		r.find(DuplicateKey, at, "idempotency digest used before")
	}
	return id
}

// training is the catalogue of charges for attempts of training jobs.
const training = "federated"

func (b *books) charge(r *Report, at int64, l *leaf) {
	r.Charges++
	b.ruled(r, at, l)
	u := b.use(l)
	u.Charges++
	u.Cost = u.Cost.plus(l.cost)
	id := b.once(r, at, l)
	if l.due <= l.time {
		r.find(DueInvalid, at, "due %d seconds after it was made", l.due-l.time)
	}
	if b.snapshots[string(l.snapshot)] == nil {
		r.find(SnapshotUnknown, at, "its snapshot was never logged")
	}
	b.plausible(r, at, l)
	b.inForce(r, at, l, b.asker(l))
	s := b.standing[string(l.template)]
	if s == nil {
		s = &standing{template: string(l.template)}
		b.standing[s.template] = s
	}
	if s.suspended {
		r.find(Suspended, at, "its template is suspended")
	}
	if string(l.catalogue) == training {
		s = &standing{template: s.template} // abandoned attempts of a training count against no template
	}
	drawn := b.draw(r, at, l) != nil
	if b.terms == nil {
		r.find(NoCaps, at, "no GRANT has set caps")
	} else {
		b.decided(r, at, l)
		b.underGrant(r, at, l, drawn)
	}
	b.spend(r, at, l, l.cost, Cost{}, drawn)
	b.place[at] = int32(len(b.charges))
	b.charges = append(b.charges, charge{id: id, due: l.due, training: string(l.catalogue) == training, standing: s, digest: b.intern(l.templateDigest)})
}

// intern keeps a text that many leaves have once.
func (b *books) intern(text []byte) string {
	if kept, ok := b.texts[string(text)]; ok {
		return kept
	}
	b.texts[string(text)] = string(text)
	return b.texts[string(text)]
}

// underGrant holds a charge to its grant, and one that does not draw from what is set
// aside to what is left of the quota beside that.
func (b *books) underGrant(r *Report, at int64, l *leaf, drawn bool) {
	g := b.granted(r, at, l)
	if g == nil {
		return
	}
	used := add(b.quota[g.id], l.cost.Rho)
	b.quota[g.id] = used
	if !drawn {
		used = add(used, b.heldQuota(g.id, l.time))
	}
	if g.quota > 0 && used > g.quota {
		r.find(QuotaPassed, at, "grant %q: %d charged or set aside, its quota is %d", l.grant, used, g.quota)
	}
}

// granted is the grant of a charge or reservation, nil if none is in force.
func (b *books) granted(r *Report, at int64, l *leaf) *grant {
	g := b.terms.grants[string(l.grant)]
	if g == nil {
		r.find(GrantUnknown, at, "no grant %q is in force", l.grant)
		return nil
	}
	id, _, _ := bytes.Cut(l.template, []byte("@"))
	switch {
	case g.principal != string(l.principal):
		r.find(GrantMismatch, at, "grant %q is another principal's", l.grant)
	case !g.templates[string(l.template)] && !g.templates[string(id)]:
		r.find(GrantMismatch, at, "grant %q is not for this template", l.grant)
	case !g.purposes[string(l.purpose)]:
		r.find(GrantMismatch, at, "grant %q is not for this purpose", l.grant)
	}
	if g.organisation != "" && g.organisation != string(l.organisation) {
		r.find(GrantMismatch, at, "grant %q is another organisation's", l.grant)
	}
	if l.time >= g.end {
		r.find(GrantExpired, at, "grant %q had ended", l.grant)
	}
	return g
}
