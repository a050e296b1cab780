package audit

import (
	"bytes"
	"encoding/hex"
	"math"
	"strconv"
	"strings"
	"time"
)

// readReleases is the purpose of a replay to somebody who reads by their role.
const readReleases = "read-releases"

// decided holds a charge to the policy that it says it was decided under: that has to be
// the one in force. A principal of nobody charges for training only, as a node does.
func (b *books) decided(r *Report, at int64, l *leaf) {
	if !b.old(l) && l.policy != b.terms.at {
		r.find(PolicyMismatch, at, "it was decided under leaf %d, in force is leaf %d", l.policy, b.terms.at)
	}
	if string(l.catalogue) != training {
		b.somebody(r, at, l)
	}
}

// somebody wants a person to be known behind who asks.
func (b *books) somebody(r *Report, at int64, l *leaf) {
	if b.under() && b.terms.persons[string(l.principal)] == "" {
		r.find(GrantMismatch, at, "nobody knows which person %q is", l.principal)
	}
}

// replay holds whoever is handed a stored release to the rules of a charge for it. Who
// reads all of them by their role, as the policy in force says, needs no grant.
func (b *books) replay(r *Report, at int64, l *leaf) {
	byRole := string(l.purpose) == readReleases
	if l.ref >= at || b.place[l.ref] > aRelease {
		r.find(ReplayUnknown, at, "leaf %d is no release", l.ref)
	} else if !b.old(l) && b.terms != nil {
		c := &b.charges[aRelease-b.place[l.ref]]
		l.template = []byte(c.standing.template)
		switch organisation, reads := b.terms.readers[string(l.principal)]; {
		case !byRole:
			b.somebody(r, at, l)
			b.granted(r, at, l)
			b.repeats(r, at, l, c.digest)
		case !reads || organisation != string(l.organisation) || len(l.grant) > 0:
			r.find(GrantMismatch, at, "%q of %q does not read every release", l.principal, l.organisation)
		}
	}
	if !byRole {
		b.policyInForce(r, at, l.time)
	}
}

// repeats wants the template of what is handed out to be approved still, by two others than
// who is handed it, once the log has newer rules.
func (b *books) repeats(r *Report, at int64, l *leaf, digest string) {
	if b.rules >= rulesAsked {
		b.wantAs(r, at, l.time, b.terms, "template", digest, string(l.template), b.asking(r, at, l, ""))
	}
}

// finestStep is the finest unit in which a training counts; its deviations are in real units.
const finestStep = 1.0 / (1 << 32)

// dayOf is the day in China Standard Time, by which epochs are counted.
func dayOf(seconds int64) int64 { return (seconds + 8*3600) / day }

// plausible holds a charge's cost to its noise and its epoch to its day in China Standard
// Time. Gaussian noise on whole numbers costs 1/(2 sigma^2) a channel at least: the dearest
// noise for the cheapest question. A training's deviations are in finer units, and a round
// may last; what is called a training's must be one, where it bears rules.
func (b *books) plausible(r *Report, at int64, l *leaf) {
	if b.old(l) {
		return
	}
	least, first, today := l.noise, dayOf(l.time)-1, dayOf(l.time)
	if l.rules == 0 && string(l.catalogue) == training {
		least, first = 0, 0
	} else if string(l.catalogue) == training {
		least *= finestStep * finestStep
		first = b.trains(r, at, l)
	}
	if l.epoch > today || l.epoch < first {
		r.find(EpochInvalid, at, "the opt-out epoch %d on day %d", l.epoch, today)
	}
	if l.cost.RhoFloat() < least*(1-1e-9) {
		r.find(CostTooLow, at, "rho %g is charged for noise that costs %g at least", l.cost.RhoFloat(), least)
	}
}

// roundDays is how many days may lie between the reading of a round's rows and its charge.
const roundDays = 7

// trains finds fault with a charge that is called a training's and has not what each of them
// has: a reservation of its job, an attempt's number in its id, and a transcript's root for
// its idempotency digest; in a supervised domain the job is approved besides. It gives the
// earliest epoch: a node reads its rows after its job has set aside, and again for each
// round; after the last day of its job it has the days that everybody has.
func (b *books) trains(r *Report, at int64, l *leaf) (first int64) {
	v := b.find(l.key)
	if v == nil {
		r.find(TrainingUnfounded, at, "its job has set nothing aside")
		return l.epoch
	}
	number, ok := bytes.CutPrefix(l.id, append(bytes.Clone(l.key), '-'))
	if n, err := strconv.Atoi(string(number)); !ok || err != nil || n < 1 || n > math.MaxInt32 || strconv.Itoa(n) != string(number) {
		r.find(TrainingUnfounded, at, "its id is not of an attempt of its job")
	} else if root, err := hex.DecodeString(string(l.idempotency)); err != nil || len(root) != 32 || string(bytes.ToLower(l.idempotency)) != string(l.idempotency) {
		r.find(TrainingUnfounded, at, "it names no transcript")
	}
	b.job(r, at, l, v)
	if !v.open(l.time) {
		return dayOf(l.time) - 1
	}
	return max(dayOf(v.made)-1, dayOf(l.time)-roundDays)
}

// job wants a training's job to be approved on the terms of its reservation, by nobody who
// asks for it.
func (b *books) job(r *Report, at int64, l *leaf, v *reserve) {
	if !b.under() {
		return
	}
	named := v.named
	if l.rules < rulesAsked {
		named = ""
	}
	b.wantAs(r, at, l.time, b.terms, "job", v.job, named, b.asking(r, at, l, v.by))
}

// asking are the people who ask for what a leaf is for: they approve none of it. Behind the
// principal that is charged there may be nobody; behind by, where that is not "", there is
// somebody.
func (b *books) asking(r *Report, at int64, l *leaf, by string) map[string]bool {
	if !b.under() {
		return nil
	}
	charged := b.terms.persons[string(l.principal)]
	if by == "" && charged == "" {
		return nil
	}
	if by == "" {
		return b.terms.alone(charged)
	}
	asked := b.terms.persons[by]
	if asked == "" {
		r.find(NotApproved, at, "nobody knows which person %q is, who asks for the job", by)
	}
	if charged == "" || charged == asked {
		return b.terms.alone(asked)
	}
	return map[string]bool{asked: true, charged: true}
}

// onTerms is what people call a job that they approve: what it may cost where, until when.
func (b *books) onTerms(l *leaf) string {
	var where []string
	for _, scope := range l.list {
		where = append(where, strings.TrimPrefix(string(scope), b.population+"/"))
	}
	last := time.Unix(l.end-day, 0).UTC().Format(time.DateOnly)
	by := "-" // of older rules, which do not say
	if len(l.by) > 0 {
		by = string(l.by)
	}
	return "a training on " + string(l.template) + " for " + string(l.purpose) + " at rho " + fraction(l.cost.Rho, 12) + " and delta " + fraction(l.cost.Delta, 21) + " of each of " + strings.Join(where, ", ") +
		", until " + last + ", by grant " + string(l.grant) + ", asked for by " + by
}

// fraction writes a count of 10^-digits as a decimal number with all its digits.
func fraction(n int64, digits int) string {
	s := strconv.FormatInt(n, 10)
	if len(s) <= digits {
		s = strings.Repeat("0", digits+1-len(s)) + s
	}
	return s[:len(s)-digits] + "." + s[len(s)-digits:]
}
