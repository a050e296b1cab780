package audit

import (
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/qunxiang/qunxiang/policy/witness"
)

const (
	people      = 2   // whose approvals everything needs
	leastPeople = 20  // in a group that is shown
	leastKept   = 183 // days that a released file is kept
	mostKept    = 36500
	ahead       = 300 // seconds an approver's clock may be before the log's
	supervised  = "supervised"
	evaluation  = "evaluation"
	day         = 24 * 3600
)

// under says that the domain has approvers.
func (b *books) under() bool { return b.terms != nil && b.terms.mode == supervised }

func (b *books) approve(r *Report, at int64, l *leaf) {
	s := l.statement
	if !b.under() {
		r.find(ApprovalInvalid, at, "nobody approves anything in this domain")
		return
	}
	s.key = b.terms.approvers[s.approver]
	of := thing{s.subject, s.digest}
	kept := b.approvals[of]
	before := kept[s.approver]
	if s.key == "" && s.revoked && before != nil {
		s.key = before.key // of somebody who was an approver: taking back harms nobody
	}
	switch {
	case s.key == "":
		r.find(ApprovalInvalid, at, "%s is no approver", s.approver)
		return
	case !s.signed(b.population, s.key):
		r.find(ApprovalInvalid, at, "not signed by the key of %s", s.approver)
		return
	case s.made > l.time+ahead:
		r.find(ApprovalInvalid, at, "made %d seconds after it was logged", s.made-l.time)
	case s.expires <= l.time:
		r.find(ApprovalInvalid, at, "it had expired")
	case before != nil && s.revoked && before.taken[s.made]:
		r.find(ApprovalInvalid, at, "%s has taken it back before by the same words", s.approver)
		return
	case before != nil && !s.follows(before, l.time):
		r.find(ApprovalInvalid, at, "%s has said something later on this", s.approver)
		return
	}
	if kept == nil {
		kept = map[string]*said{}
		b.approvals[of] = kept
	}
	if before == nil {
		before = &said{given: -1, taken: map[int64]bool{}}
		kept[s.approver] = before
	}
	before.add(s, l.time)
}

// thing is what people approve.
type thing struct{ subject, digest string }

// said is all that a person has said on a thing: the last of it counts.
type said struct {
	*statement
	newest int64          // by its maker's clock, of all
	given  int64          // when the last approval was logged, -1 for none
	taken  map[int64]bool // when it was taken back, by the makers' clocks
}

// follows says whether a statement may come after what was said before. An approval is
// later than all of it. A revocation may be earlier than an approval by a fast clock: where
// it is of after that was logged, or of five minutes before it is logged itself.
func (s *statement) follows(before *said, now int64) bool {
	return s.made > before.newest || s.revoked && (s.made > before.given || s.made >= now-ahead)
}

func (b *said) add(s *statement, now int64) {
	b.statement, b.newest = s, max(b.newest, s.made)
	if s.revoked {
		b.taken[s.made] = true
	} else {
		b.given = now
	}
}

// want finds fault with what two people, none of them among those who asked, have not
// approved. terms is the policy by which it is judged.
func (b *books) want(r *Report, at, now int64, t *terms, subject, digest string, asked map[string]bool) {
	b.wantAs(r, at, now, t, subject, digest, "", asked)
}

// wantAs counts only approvals under a name, "" for any.
func (b *books) wantAs(r *Report, at, now int64, t *terms, subject, digest, named string, asked map[string]bool) {
	if t == nil || t.mode != supervised {
		return
	}
	said, n := b.approvals[thing{subject, digest}], 0
	agrees := func(person string) bool {
		s := said[person]
		return s != nil && !s.revoked && now < s.expires && t.approvers[person] == s.key && !asked[person] && (named == "" || s.name == named)
	}
	for person := range t.approvers { // there are few of them; who has spoken may be many
		if agrees(person) {
			n++
		}
		if n == people {
			return
		}
	}
	agree := slices.DeleteFunc(slices.Sorted(maps.Keys(t.approvers)), func(p string) bool { return !agrees(p) })
	r.find(NotApproved, at, "the %s %s has the approval of %d people (%s), it needs %d", subject, digest, len(agree), strings.Join(agree, ", "), people)
}

// askedBy is the person behind a principal; nobody known is a finding.
func (b *books) askedBy(r *Report, at int64, principals ...string) map[string]bool {
	if !b.under() {
		return nil
	}
	asked := map[string]bool{}
	for _, principal := range principals {
		person := b.terms.persons[principal]
		if person == "" {
			r.find(NotApproved, at, "nobody knows which person %q is", principal)
		}
		if len(principals) == 1 {
			return b.terms.alone(person)
		}
		asked[person] = true
	}
	return asked
}

// alone is the set of one person, who asks for what every charge rests on.
func (t *terms) alone(person string) map[string]bool {
	if t.one == nil {
		t.one = map[string]map[string]bool{}
	}
	if t.one[person] == nil {
		t.one[person] = map[string]bool{person: true}
	}
	return t.one[person]
}

// inForce wants the policy, the template and the snapshot of a charge to be approved
// still, the template by nobody who asks by it. A reservation has no snapshot.
func (b *books) inForce(r *Report, at int64, l *leaf, by string) {
	b.policyInForce(r, at, l.time)
	var asking map[string]bool
	if l.rules >= rulesAsked {
		asking = b.asking(r, at, l, by)
	}
	b.wantAs(r, at, l.time, b.terms, "template", string(l.templateDigest), string(l.template), asking)
	if s := b.snapshots[string(l.snapshot)]; s != nil && l.kind == "CHARGE" {
		b.want(r, at, l.time, b.terms, "snapshot", s.content, b.askedBy(r, at, s.by))
		if s.deleted {
			r.find(SnapshotUnknown, at, "its snapshot was deleted")
		}
	}
}

func (b *books) policyInForce(r *Report, at, now int64) {
	if b.under() {
		b.want(r, at, now, b.terms, "grant", b.terms.content, b.terms.askers)
	}
}

// supervise holds a GRANT to the one before it.
func (b *books) supervise(r *Report, at int64, l *leaf) {
	t := l.terms
	t.askers = map[string]bool{}
	for _, known := range []*terms{t, b.terms} {
		if known == nil {
			continue
		}
		t.askers[known.persons[t.by]] = true
		for _, g := range t.grants {
			t.askers[known.persons[g.principal]] = true
		}
	}
	delete(t.askers, "")
	if t.mode == supervised {
		t.content = content(l.raw)
		t.wellSupervised(r, at)
		b.known(r, at, t)
	}
	if !b.under() {
		return
	}
	if t.mode != supervised {
		r.find(SupervisionLost, at, "a supervised domain became one of %s", t.mode)
	}
	if b.terms.persons[t.by] == "" {
		r.find(NotApproved, at, "the policy before does not know %q, who put this one forward", t.by)
	}
	b.want(r, at, l.time, b.terms, "grant", content(l.raw), t.askers)
}

// threshold is a policy's on the people of a group.
var threshold = regexp.MustCompile(`^(?:noisy, ([1-9][0-9]*) where keys are private|([1-9][0-9]*))$`)

func (t *terms) manyPeople() bool {
	m := threshold.FindStringSubmatch(t.k)
	if m == nil {
		return false
	}
	n, err := strconv.ParseInt(m[1]+m[2], 10, 64)
	return err == nil && n >= leastPeople
}

// known finds approvers whom the auditor has not pinned, where anybody is. A log says
// itself whose signatures count in it: who holds the keys, it cannot say.
func (b *books) known(r *Report, at int64, t *terms) {
	if b.since < 0 {
		b.since, b.before = at, r.Charges
	}
	for _, person := range slices.Sorted(maps.Keys(t.approvers)) {
		if key := t.approvers[person]; b.pinned.Approvers() && !b.pinned.Approver(person, key) {
			r.find(ApproverUnpinned, at, "approver %s with the key %s", person, key)
		}
	}
}

// supervision fills in who approves.
func (b *books) supervision(r *Report) {
	if !b.under() {
		return
	}
	judged := &Report{}
	b.policyInForce(judged, b.terms.at, b.last)
	s := &Supervision{Since: b.since, Before: b.before, Approved: judged.OK()}
	for _, person := range slices.Sorted(maps.Keys(b.terms.approvers)) {
		key := b.terms.approvers[person]
		s.Approvers = append(s.Approvers, Approver{person, key, b.pinned.Approver(person, key)})
	}
	r.Supervision = s
}

func (t *terms) wellSupervised(r *Report, at int64) {
	switch {
	case len(t.approvers) < people+1:
		r.find(SupervisionLost, at, "only %d approvers", len(t.approvers))
	case t.quorum < 1 || t.quorum > int64(len(t.witnesses)):
		r.find(SupervisionLost, at, "%d witnesses and a quorum of %d", len(t.witnesses), t.quorum)
	case 2*t.quorum <= int64(len(t.witnesses)):
		r.find(SupervisionLost, at, "a quorum of %d of %d witnesses is not more than half: two histories could be cosigned", t.quorum, len(t.witnesses))
	case !t.manyPeople():
		r.find(SupervisionLost, at, "a threshold of %q, not of %d people or more", t.k, leastPeople)
	case t.kept < leastKept:
		r.find(SupervisionLost, at, "released files are kept for %d days", t.kept)
	case t.persons[t.by] == "":
		r.find(SupervisionLost, at, "nobody knows which person put the policy forward")
	default:
		if _, err := witness.NewPolicy(t.witnesses, int(t.quorum)); err != nil {
			r.find(SupervisionLost, at, "the policy names witnesses that are none, or one of them twice: %v", err)
		}
	}
	for _, person := range slices.Sorted(maps.Keys(t.approvers)) {
		if !slices.Contains(slices.Collect(maps.Values(t.persons)), person) {
			r.find(SupervisionLost, at, "approver %s is behind no principal", person)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(t.grants)) {
		if t.grants[id].organisation == "" {
			r.find(SupervisionLost, at, "grant %q is no organisation's", id)
		}
	}
}
