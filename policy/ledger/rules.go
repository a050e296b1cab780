package ledger

import (
	"bytes"
	"fmt"
)

// RulesNow are the rules that a CHARGE or RESERVE of this program is held to; it bears
// them as the member rules. One that bears none is of a program before there was the
// member, and is held to what that knew: what is called a training's charge then needed
// neither a reservation nor an attempt, a transcript, a price of its noise, a recent epoch
// or an approved job. Under the rules 1 a job's approvals were of its card under any name,
// a RESERVE did not say who asks for it, and whoever asked could be one of the two who had
// approved the template. Such logs are read and go on. After a leaf that bears rules none
// comes that bears lower ones, so that they are a log's past and never its way out; an
// auditor is told how many there are.
const RulesNow = rulesAsked

// rulesAsked are the first under which who asks approves neither the template nor the job,
// and a job's approvals are of its terms.
const rulesAsked = 2

// rulesOf are the rules that a leaf bears; false for one of a type that bears none.
func rulesOf(b Body) (rules int64, bears bool) {
	switch b := b.(type) {
	case *Charge:
		return b.Rules, true
	case *Reserve:
		return b.Rules, true
	}
	return 0, false
}

// heldTo refuses a leaf that goes back behind the rules of the one before.
func (s *State) heldTo(b Body) error {
	if rules, bears := rulesOf(b); bears && rules < s.rules {
		return fmt.Errorf("%w: it bears the rules %d, and one before it %d", ErrLeaf, rules, s.rules)
	}
	return nil
}

// grown takes a leaf's rules for those of the log.
func (s *State) grown(b Body) {
	if rules, bears := rulesOf(b); bears {
		s.rules = rules
	}
}

func checkRules(rules int64) error {
	if rules < 0 || rules > RulesNow {
		return fmt.Errorf("%w: rules that are not known", ErrLeaf)
	}
	return nil
}

// asker is a member that reservations from before rulesAsked do not have.
func (f *form) asker(r *Reserve) {
	has := r.By != ""
	if f.reading && f.err == nil {
		has = bytes.HasPrefix(f.buf[f.pos:], []byte(`"by":`))
	}
	if has {
		f.text("by", &r.By)
	}
}

// rules is a member that leaves from before do not have.
func (f *form) rules(v *int64) {
	has := *v != 0
	if f.reading && f.err == nil {
		has = bytes.HasPrefix(f.buf[f.pos:], []byte(`,"rules":`))
	}
	if !has {
		return
	}
	if f.count("rules", v); *v == 0 {
		f.fail("rules from 1")
	}
}
