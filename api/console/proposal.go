package console

import (
	"strings"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// proposalView is one thing that waits for approvals, beside what it takes the place of.
type proposalView struct {
	api.Proposal
	Diff       []diffLine
	Pair       *pairView // of a template, where this program holds it
	Page, Word string    // a page that says more of it, "" for none, and what that is called
	Command    string
}

// pairView is the certified pair of files of a template.
type pairView struct {
	Title     queries.Text
	Files     []fileView
	Certified bool
	Before    string // the version that was approved last, "" for none
	Lost      bool   // that version's files are not in this program
}

// fileView is one of them, with what it changes.
type fileView struct {
	Name, Text string
	Diff       []diffLine // nil where there is nothing to compare it with
}

// proposal shows one thing that approvals are of, with what it changes.
func (c *console) proposal(v *view) error {
	if !v.seesApprovals() {
		return errNotFound
	}
	list, err := c.Approvals.Proposals(v.Who.Principal)
	if err != nil {
		return err
	}
	subject, digest := v.r.PathValue("subject"), v.r.PathValue("digest")
	for _, p := range list.Proposals {
		if p.Subject != subject || p.Digest != digest {
			continue
		}
		before := ""
		for _, old := range list.Proposals {
			if p.Replaces != "" && old.Digest == p.Replaces {
				before = old.Detail
			}
		}
		data := proposalView{Proposal: p, Command: c.Command}
		if before != "" {
			data.Diff = diff(strings.Split(before, "\n"), strings.Split(p.Detail, "\n"))
		}
		switch p.Subject {
		case ledger.SubjectTemplate:
			data.Pair, data.Page = v.pair(p)
		case ledger.SubjectSnapshot:
			if v.seesData() {
				data.Page, data.Word = "/console/data", "proposal data"
			}
		case ledger.SubjectJob:
			if v.seesTraining() {
				data.Page, data.Word = "/console/training/"+p.Digest, "proposal job"
			}
		}
		return v.show("proposal", p.Name, data)
	}
	return errNotFound
}

// pair is the template with exactly the digest that an approval binds, and the version that
// was approved last beside it; nil where this program holds no such template.
func (v *view) pair(p api.Proposal) (*pairView, string) {
	t := v.certified(p.Name, p.Digest)
	if t == nil {
		return nil, ""
	}
	out, page := &pairView{Title: t.Title, Certified: v.c.Catalog.Certified(t)}, ""
	if t.Features == nil && v.offered(t) { // of a question
		page = "/console/templates/" + t.Ref()
	}
	var old *queries.Template
	if last, ok := v.c.TemplateBefore(t.ID, p.Digest); ok {
		old = v.certified(last.Name, last.Digest)
		out.Before, out.Lost = last.Name, old == nil
	}
	for _, f := range []struct {
		name string
		text func(*queries.Template) string
	}{
		{t.ID + ".yaml", func(t *queries.Template) string { return t.YAML }},
		{t.ID + ".sql", func(t *queries.Template) string { return t.SQL }},
	} {
		x := fileView{Name: f.name, Text: f.text(t)}
		if old != nil {
			x.Diff = diff(strings.Split(f.text(old), "\n"), strings.Split(x.Text, "\n"))
		}
		out.Files = append(out.Files, x)
	}
	return out, page
}

// certified is the question or feature template of a name and a digest, nil for none.
func (v *view) certified(ref, digest string) *queries.Template {
	t, err := v.c.Catalog.Find(ref)
	if err != nil {
		t, err = v.c.Catalog.FindFeatures(ref)
	}
	if err != nil || t.Digest() != digest {
		return nil
	}
	return t
}
