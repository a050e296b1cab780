package audit

// rulesKnown are the newest rules that a CHARGE or RESERVE can bear. One without them was
// written by an older program, to which a training's name was enough. From rulesAsked on
// those who ask approve nothing of it, and a job is approved under its terms.
const (
	rulesKnown = 2
	rulesAsked = 2
)

// unruled are the leaves that bear older rules, or none.
type unruled struct{ leaves, trainings, newest int64 }

// ruled finds a leaf that goes back behind the rules of one before, and counts those that
// bear older ones than are known, or none.
func (b *books) ruled(r *Report, at int64, l *leaf) {
	if l.rules < b.rules {
		r.find(RulesLost, at, "it bears the rules %d, and a leaf before it %d", l.rules, b.rules)
	}
	b.rules = max(b.rules, l.rules)
	if l.rules >= rulesKnown {
		return
	}
	b.unruled.leaves++
	b.unruled.newest = at
	if l.kind == "CHARGE" && string(l.catalogue) == training {
		b.unruled.trainings++
	}
}

// unruledNote tells of them: nothing is wrong with a log's past, but a log that is written
// today has none.
func (b *books) unruledNote(r *Report) {
	if u := b.unruled; u.leaves > 0 {
		r.note(RulesBefore, "%d charges and reservations, %d charges of trainings among them, the newest at leaf %d, are of an older program and held to fewer rules", u.leaves, u.trainings, u.newest)
	}
}

// rules reads the member, which leaves from before do not have.
func (c *cursor) rules(l *leaf) {
	const member = `,"rules":`
	if !c.has(member) {
		return
	}
	l.rules = c.count(member)
	c.bad = c.bad || l.rules < 1 || l.rules > rulesKnown || l.previous == nil
}
