package audit

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
		l.template = []byte(b.charges[aRelease-b.place[l.ref]].standing.template)
		switch organisation, reads := b.terms.readers[string(l.principal)]; {
		case !byRole:
			b.somebody(r, at, l)
			b.granted(r, at, l)
		case !reads || organisation != string(l.organisation) || len(l.grant) > 0:
			r.find(GrantMismatch, at, "%q of %q does not read every release", l.principal, l.organisation)
		}
	}
	if !byRole {
		b.policyInForce(r, at, l.time)
	}
}

// plausible holds a charge's cost to its noise and its epoch to its day in China Standard
// Time. Gaussian noise on whole numbers costs 1/(2 sigma^2) a channel at least: the dearest
// noise for the cheapest question. In training a node's noise is a part of the whole only,
// and a round may last.
func (b *books) plausible(r *Report, at int64, l *leaf) {
	if b.old(l) {
		return
	}
	trains := string(l.catalogue) == training
	today := (l.time + 8*3600) / day
	if l.epoch > today || !trains && l.epoch < today-1 {
		r.find(EpochInvalid, at, "the opt-out epoch %d on day %d", l.epoch, today)
	}
	if !trains && l.cost.RhoFloat() < l.noise*(1-1e-9) {
		r.find(CostTooLow, at, "rho %g is charged for noise that costs %g at least", l.cost.RhoFloat(), l.noise)
	}
}
