package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/qunxiang/qunxiang/dp"
)

// Rule names the reason of a refusal. Rules are stable: clients and the log
// carry them.
type Rule = string

// The rules, in the order in which they are tried.
const (
	RuleUnknownPrincipal Rule = "unknown-principal"
	RuleNotCertified     Rule = "not-certified"
	RuleAudience         Rule = "audience"
	RuleNoGrant          Rule = "no-grant"
	RuleGrantExpired     Rule = "grant-expired"
	RulePurpose          Rule = "purpose-not-allowed"
	RulePurposeNeeded    Rule = "purpose-needed"
	RuleRole             Rule = "role"
)

// Refusal is a decision against a request. Nothing was charged.
type Refusal struct {
	Rule   Rule
	Detail string
	Grant  string // the grant that came nearest, "" for none
}

// Error says the rule and the detail.
func (r *Refusal) Error() string { return fmt.Sprintf("refused (%s): %s", r.Rule, r.Detail) }

func refuse(rule Rule, format string, args ...any) *Refusal {
	return &Refusal{Rule: rule, Detail: fmt.Sprintf(format, args...)}
}

// TemplateRef is what a decision needs to know of a template.
type TemplateRef struct {
	ID, Version, Digest string
	Certified           bool // exactly this digest
	Audiences, Purposes []string
}

// Ask is one request to be decided.
type Ask struct {
	Principal string
	Template  TemplateRef
	Purpose   string // "": the grant's first, or the only one of its that the template allows
	At        time.Time
}

// Decision is a permission and the limits that go with it.
type Decision struct {
	Grant   Grant
	Purpose string
	K       int
	NoisyK  bool
	Caps    struct{ Year, Life dp.Cost }
}

// Decide says whether a principal may ask a template for a purpose at a time.
// An error is a *Refusal.
func (p *Policy) Decide(a Ask) (Decision, error) {
	who := p.principal(a.Principal)
	if who == nil {
		return Decision{}, refuse(RuleUnknownPrincipal, "%q is not in the policy", a.Principal)
	}
	if !a.Template.Certified {
		return Decision{}, refuse(RuleNotCertified, "%s@%s with digest %s was not certified", a.Template.ID, a.Template.Version, a.Template.Digest)
	}
	if !slices.ContainsFunc(who.Roles, func(r Role) bool { return slices.Contains(a.Template.Audiences, string(r)) }) {
		return Decision{}, refuse(RuleAudience, "%s is for %s", a.Template.ID, strings.Join(a.Template.Audiences, ", "))
	}
	best := refuse(RuleNoGrant, "%s has no grant on %s@%s", a.Principal, a.Template.ID, a.Template.Version)
	for _, g := range p.Grants {
		if g.Principal != a.Principal || !g.names(a.Template) {
			continue
		}
		purpose, err := g.allows(a)
		if err != nil {
			err.Grant, best = g.ID, err
			continue
		}
		d := Decision{Grant: g, Purpose: purpose, K: p.K, NoisyK: p.NoisyK}
		d.Caps.Year, d.Caps.Life = p.year, p.life
		return d, nil
	}
	return Decision{}, best
}

func (g Grant) names(t TemplateRef) bool {
	return slices.Contains(g.Templates, t.ID) || slices.Contains(g.Templates, t.ID+"@"+t.Version)
}

// allows gives the purpose of a request under the grant: the one that was
// declared, or else by the grant itself: its first, where the template allows
// it, or the only one that fits. Nobody else picks among several.
func (g Grant) allows(a Ask) (purpose string, err *Refusal) {
	if a.At.UTC().Format(time.DateOnly) > g.Until {
		return "", refuse(RuleGrantExpired, "grant %s ended on %s", g.ID, g.Until)
	}
	var fit []string
	for _, purpose := range g.Purposes {
		if slices.Contains(a.Template.Purposes, purpose) {
			fit = append(fit, purpose)
		}
	}
	switch {
	case slices.Contains(fit, a.Purpose):
		return a.Purpose, nil
	case a.Purpose != "":
		return "", refuse(RulePurpose, "%q is not a purpose of both %s and grant %s", a.Purpose, a.Template.ID, g.ID)
	case len(fit) == 0:
		return "", refuse(RulePurpose, "%s and grant %s have no purpose in common", a.Template.ID, g.ID)
	case len(fit) == 1 || fit[0] == g.Purposes[0]:
		return fit[0], nil
	}
	return "", refuse(RulePurposeNeeded, "say for which purpose: %s", strings.Join(fit, ", "))
}

// Action is something besides asking that a role may do.
type Action string

// The actions.
const (
	ReadReleases   Action = "read-releases"   // every release, whoever asked
	ReadLog        Action = "read-log"        // the leaves: they name who asked
	LoadData       Action = "load-data"       // import, synth
	LookAtNoise    Action = "look-at-noise"   // qunxiang audit noise
	ManageOptOuts  Action = "manage-opt-outs" // add and list
	ResumeTemplate Action = "resume-template" // clear a suspension
	SeeProposals   Action = "see-proposals"   // what waits for approvals, and send those
	DeleteOld      Action = "delete-old"      // released files and snapshots that need not be kept
	ChangePolicy   Action = "change-policy"   // put another policy forward
	ChangeKey      Action = "change-key"      // of those that sign the log and receipts
)

// doers are the roles that may do it.
func (a Action) doers() []Role {
	switch a {
	case ReadReleases, ReadLog, SeeProposals, LookAtNoise:
		return []Role{Regulator, Steward}
	case LoadData, ManageOptOuts, ResumeTemplate, DeleteOld, ChangePolicy, ChangeKey:
		return []Role{Steward}
	}
	return nil
}

// May says whether a principal's role allows an action. An error is a *Refusal.
func (p *Policy) May(principal string, action Action) error {
	who := p.principal(principal)
	if who == nil {
		return refuse(RuleUnknownPrincipal, "%q is not in the policy", principal)
	}
	for _, r := range who.Roles {
		if slices.Contains(action.doers(), r) {
			return nil
		}
	}
	return refuse(RuleRole, "%s may not %s", principal, strings.ReplaceAll(string(action), "-", " "))
}
