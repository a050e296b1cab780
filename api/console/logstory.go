package console

import (
	"strings"

	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// event is one leaf of the log as a sentence.
type event struct {
	ledger.Leaf
	Kind, Text   string
	Release      string // id of a release that can be looked at, "" for none
	Approved     string // what a charge rested on, in words
	Evaluation   bool   // of before anybody approved anything here
	Organisation string
	Scopes       []string
	Rho          float64
	template     string
}

// event says a leaf in a sentence.
func (v *view) event(l ledger.Leaf) event {
	e := event{Leaf: l, Kind: string(l.Body.Type()), Evaluation: l.Index < v.c.SupervisedSince()}
	switch b := l.Body.(type) {
	case *ledger.Charge:
		v.about(&e, l.Index)
		e.Organisation, e.Scopes, e.Rho, e.template = b.Organisation, b.Scopes, b.Cost.RhoFloat(), b.Template
		e.Text = v.say("story charge", b.Organisation, v.question(b.Template), v.Purpose(b.Purpose), v.Figure(e.Rho))
		e.Approved = v.basis(l.Index)
	case *ledger.Release:
		e.Text = v.say("story release", v.about(&e, b.Charge))
	case *ledger.Abandon:
		what := v.about(&e, b.Charge)
		e.Text = v.say("story abandon", e.Organisation, what, v.Count(b.Charge), v.Figure(e.Rho))
	case *ledger.Replay:
		what := v.about(&e, b.Release)
		e.Organisation, e.Rho = b.Organisation, 0
		e.Text = v.say("story replay", b.Organisation, what)
	case *ledger.Deny:
		e.Organisation, e.template = b.Organisation, b.Template
		e.Text = v.say("story deny", b.Organisation, v.question(b.Template), v.Rule(b.Rule))
	case *ledger.Snapshot:
		e.Text = v.say("story snapshot", v.Short(b.Snapshot), b.By)
	case *ledger.Grant:
		e.Text = v.say("story grant", v.Short(b.Policy), v.say("mode "+b.Mode), v.Count(len(b.Grants)))
		if l.Index == v.c.SupervisedSince() {
			e.Text += " " + v.say("story supervised")
		}
	case *ledger.Approve:
		v.approval(&e, b)
	default:
		v.rest(&e)
	}
	return e
}

// approval says whose word on what a leaf is.
func (v *view) approval(e *event, b *ledger.Approve) {
	e.Organisation = v.organisation(b.Approver)
	if b.Subject == ledger.SubjectTemplate {
		e.template = b.Name
	}
	story := "story approve"
	if b.Revoked {
		story = "story revoke"
	}
	e.Text = v.say(story, v.Person(b.Approver), v.say("subject "+b.Subject)+v.say("colon")+b.Name)
}

// rest says the leaves that no client has to do with.
func (v *view) rest(e *event) {
	switch b := e.Body.(type) {
	case *ledger.Audit:
		e.Text = v.say("story audit failed", v.Count(b.Leaves))
		if b.Passed {
			e.Text = v.say("story audit passed", v.Count(b.Leaves))
		}
	case *ledger.Key:
		e.Text = v.say("story key", b.Use, b.Algorithm)
	case *ledger.Delete:
		v.about(e, b.Leaf)
		e.Text = v.say("story delete", v.Count(b.Leaf))
	case *ledger.Resume:
		e.template = b.Template
		e.Text = v.say("story resume", v.question(b.Template))
	case *ledger.Reserve:
		e.Organisation, e.Scopes, e.template = b.Organisation, b.Scopes, b.Template
		e.Text = v.say("story reserve", b.Organisation, v.Figure(b.Cost.RhoFloat()), b.Until)
		if b.By != "" {
			e.Text += v.say("story asked", b.By)
		}
	case *ledger.Close:
		if v.c.Reservations != nil {
			for _, r := range v.c.Reservations() {
				if r.Index == b.Reserve {
					e.Organisation, e.Scopes, e.template = r.Organisation, r.Scopes, r.Template
				}
			}
		}
		e.Text = v.say("story close", v.Count(b.Reserve))
	}
}

// about fills in what a leaf says of a charge, given by the CHARGE or RELEASE leaf, and
// names its question. Where it has a release that can be looked at, the line leads there.
func (v *view) about(e *event, leaf int64) string {
	rec, _ := v.c.Charged(leaf)
	e.Organisation, e.Scopes, e.template, e.Rho = rec.Organisation, rec.Scopes, rec.Template, rec.Cost.RhoFloat()
	if rec.Release >= 0 && !rec.Deleted && rec.Catalogue != ledger.Training {
		e.Release = rec.ID
	}
	return v.question(rec.Template)
}

// basis is whose approvals a charge rested on, of each thing; "" in an evaluation.
func (v *view) basis(charge int64) string {
	if v.c.Basis == nil {
		return ""
	}
	b, err := v.c.Basis(charge)
	if err != nil {
		return ""
	}
	var parts []string
	for _, subject := range []string{ledger.SubjectGrant, ledger.SubjectTemplate, ledger.SubjectSnapshot, ledger.SubjectJob} {
		var people []string
		for _, a := range b.Approvals {
			if a.Subject == subject {
				people = append(people, v.Person(a.Approver))
			}
		}
		if len(people) > 0 {
			parts = append(parts, v.say("subject "+subject)+v.say("colon")+strings.Join(people, v.say("comma")))
		}
	}
	return strings.Join(parts, " · ")
}

// organisation is that of a person, as the policy in force knows them; "" where it does not.
func (v *view) organisation(person string) string {
	for _, p := range v.rules.Principals {
		if p.Person == person && person != "" {
			return p.Organisation
		}
	}
	return ""
}

// Person is somebody with the organisation that they are of.
func (v *view) Person(name string) string {
	if of := v.organisation(name); of != "" {
		return v.say("person of", name, of)
	}
	return name
}

// question is what a template is called, by its id@version.
func (v *view) question(ref string) string {
	if ref == "" {
		return v.say("unknown question")
	}
	t := v.named(ref)
	if t == nil || ref != t.ID && ref != t.Ref() { // of a version that is no longer offered
		return ref
	}
	return v.In(queries.Text{EN: t.Catalogue + " " + t.Title.EN, ZH: t.Catalogue + " " + t.Title.ZH})
}

// named is a template by its id@version, else the version of it that is offered; nil for none.
func (v *view) named(ref string) *queries.Template {
	id, _, _ := strings.Cut(ref, "@")
	for _, name := range []string{ref, id} {
		if t, err := v.c.Catalog.Find(name); err == nil {
			return t
		}
		if t, err := v.c.Catalog.FindFeatures(name); err == nil {
			return t
		}
	}
	return nil
}
