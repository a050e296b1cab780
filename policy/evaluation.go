package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Offer is a template that an evaluation domain grants to its audiences.
type Offer struct {
	Template            string // id@version
	Audiences, Purposes []string
}

// EvaluationOptions say what a new evaluation domain's policy is made of.
type EvaluationOptions struct {
	Population   string // required
	PublicPeople int64  // declared size; 0: undeclared
	PublicWindow string // declared first and last day, FROM..TO; "": undeclared
	Offers       []Offer
	Until        time.Time // end of the grants
}

var evaluators = []Principal{
	{ID: "insurer-a", Organisation: "insurer-a", Roles: []Role{Insurer}},
	{ID: "pharma-b", Organisation: "pharma-b", Roles: []Role{Pharma}},
	{ID: "regulator-r", Organisation: "regulator", Roles: []Role{Regulator}},
	{ID: "steward-s", Organisation: "authority", Roles: []Role{Steward}},
	{ID: "node-n", Organisation: "domain", Roles: []Role{Node}},
}

// Evaluation writes the policy.yaml of a new evaluation domain: one principal
// for each role, grants on every template for its audience, and caps of epsilon
// 10 at delta 1e-9 for each year of records and for life.
func Evaluation(o EvaluationOptions) []byte {
	var b strings.Builder
	p := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	p("# Policy of an evaluation domain: no approvals or witnesses are required, and every")
	p("# receipt says so. Unknown keys are refused.")
	p("version: 1\nmode: %s", ModeEvaluation)
	p("\n# The people under this domain's key. Budgets belong to them.\npopulation: %s", o.Population)
	p("\n# The public size of the population, where it may be known. With it, estimates warn of")
	p("# tables that would be mostly empty. 0: undeclared.\npublic_people: %d", o.PublicPeople)
	if o.PublicWindow != "" {
		p("\n# The days the data are declared to hold. Questions about others are refused.\npublic_window: %s", o.PublicWindow)
	}
	p("\n# The fewest people a group may have, at least k_floor; or noisy: public groups are then")
	p("# judged by their noisy count alone, private ones by k_floor.\nk: %d\nk_floor: %d", KFloor, KFloor)
	p("\n# Budgets, for ever: caps are never raised or refilled.")
	p("caps:\n  year: {epsilon: 10, delta: 1e-9}\n  life: {epsilon: 10, delta: 1e-9}")
	p("\n# The delta at which an epsilon is shown. It decides nothing.\nconversion_delta: 1e-9")
	p("\n# How long after its charge an answer appears, never earlier and never later.")
	p("slots:\n  undeclared: 2s\n  classes:")
	for _, c := range defaultClasses {
		p("    - {people: %d, slot: %s}", c.People, brief(c.Slot))
	}
	p("\nprincipals:")
	for _, x := range evaluators {
		p("  - {id: %s, organisation: %s, roles: [%s]}", x.ID, x.Organisation, x.Roles[0])
	}
	p("\n# A request that names no purpose is for the first one of its grant, where its template")
	p("# allows that, or for the only one that fits.")
	p("grants:%s", map[bool]string{true: " []"}[len(o.Offers) == 0])
	for _, x := range evaluators {
		o.grant(p, x)
	}
	return []byte(b.String())
}

// brief writes 3m for 3m0s and 5h for 5h0m0s.
func brief(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// defaultClasses are at least ten times what the dearest template takes on two
// cores that do nothing else: 0.6 s for 50,000 people with 20 settlements each,
// 6 s for a million, and in proportion beyond.
var defaultClasses = []SlotClass{
	{10_000, 2 * time.Second}, {50_000, 10 * time.Second}, {100_000, 20 * time.Second}, {1_000_000, 2 * time.Minute},
	{10_000_000, 20 * time.Minute}, {100_000_000, 3 * time.Hour}, {2_000_000_000, 36 * time.Hour},
}

// suits are the purposes that suit a role, its main one first.
func (r Role) suits() []string {
	switch r {
	case Insurer:
		return []string{"commercial-health-insurance", "health-management", "elder-care"}
	case Pharma:
		return []string{"drug-development", "medical-engineering", "health-management"}
	case Node:
		return purposes
	case Regulator:
		return []string{"fund-regulation", "health-management", "elder-care", "artificial-intelligence"}
	}
	return nil
}

// grant gives a principal the templates of its audience that have a purpose
// which suits its role, for those purposes.
func (o EvaluationOptions) grant(p func(string, ...any), x Principal) {
	var templates, uses []string
	used := map[string]bool{}
	for _, offer := range o.Offers {
		fits := false
		for _, purpose := range x.Roles[0].suits() {
			if slices.Contains(offer.Purposes, purpose) && slices.Contains(offer.Audiences, string(x.Roles[0])) {
				used[purpose], fits = true, true
			}
		}
		if fits {
			templates = append(templates, offer.Template)
		}
	}
	if len(templates) == 0 {
		return
	}
	for _, purpose := range x.Roles[0].suits() {
		if used[purpose] {
			uses = append(uses, purpose)
		}
	}
	p("  - id: evaluation-%s\n    principal: %s\n    until: %s", x.ID, x.ID, o.Until.UTC().Format(time.DateOnly))
	p("    purposes: [%s]", strings.Join(uses, ", "))
	p("    templates: [%s]", strings.Join(templates, ", "))
}
