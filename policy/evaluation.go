package policy

import (
	"slices"
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

// Evaluation writes the policy.yaml of a new evaluation domain: one principal for each
// role, grants on every template for its audience, and caps of epsilon 10 at delta 1e-9
// for each year of records and for life.
func Evaluation(o EvaluationOptions) []byte {
	limit := Cap{Epsilon: 10, Delta: 1e-9}
	p := &Policy{
		Mode: ModeEvaluation, Population: o.Population, PublicPeople: o.PublicPeople, publicWindow: o.PublicWindow,
		K: KFloor, Caps: Caps{Year: limit, Life: limit}, ConversionDelta: 1e-9, Undeclared: 2 * time.Second, Classes: defaultClasses, Principals: evaluators,
	}
	for _, x := range evaluators {
		if g, some := o.grant(x); some {
			p.Grants = append(p.Grants, g)
		}
	}
	return p.Format()
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
func (o EvaluationOptions) grant(x Principal) (g Grant, some bool) {
	used := map[string]bool{}
	for _, offer := range o.Offers {
		fits := false
		for _, purpose := range x.Roles[0].suits() {
			if slices.Contains(offer.Purposes, purpose) && slices.Contains(offer.Audiences, string(x.Roles[0])) {
				used[purpose], fits = true, true
			}
		}
		if fits {
			g.Templates = append(g.Templates, offer.Template)
		}
	}
	for _, purpose := range x.Roles[0].suits() {
		if used[purpose] {
			g.Purposes = append(g.Purposes, purpose)
		}
	}
	g.ID, g.Principal, g.Until = "evaluation-"+x.ID, x.ID, o.Until.UTC().Format(time.DateOnly)
	return g, len(g.Templates) > 0
}
