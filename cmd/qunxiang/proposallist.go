package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/dataset"
)

// proposals are all things that wait for approvals, or rest on ones that may be renewed or
// taken back: the policy in force and the one that waits, the templates that are granted,
// the snapshot in use, the waiting leaves and the jobs of training. Notes say what could not be read.
func (d *domain) proposals() (out []api.Proposal, notes []string, err error) {
	if !d.state.Supervised() {
		return nil, nil, nil
	}
	wanted, err := d.proposed()
	if err != nil {
		return nil, nil, err
	}
	if wanted.broken != nil {
		notes = append(notes, strings.ReplaceAll(wanted.broken.Error(), d.path()+string(filepath.Separator), ""))
	}
	kept, broken, err := d.keptProposals()
	if err != nil {
		return nil, nil, err
	}
	notes = append(notes, broken...)
	if out, err = d.policyProposals(wanted); err != nil {
		return nil, nil, err
	}
	for _, t := range d.grantedTemplates(wanted.Policy, d.policy()) {
		out = append(out, d.proposal(ledger.SubjectTemplate, t.Ref(), t.Title.EN, t.Digest()))
	}
	if s, some := d.registered(); some {
		kept["in use"] = keptProposal{Snapshot: &s}
	}
	for _, k := range kept {
		p, err := d.leafProposal(k)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, p)
	}
	lists, err := d.optOutProposals()
	if err != nil {
		return nil, nil, err
	}
	jobs, broken, err := d.jobProposals()
	if err != nil {
		return nil, nil, err
	}
	out, notes = append(append(out, lists...), jobs...), append(notes, broken...)
	slices.SortStableFunc(out, func(a, b api.Proposal) int { return strings.Compare(a.Subject+a.Name, b.Subject+b.Name) })
	return out, notes, nil
}

// policyProposals are the policy in force, so that approvals of it can be taken back
// whatever waits, and the one that waits, where there is one.
func (d *domain) policyProposals(wanted proposedPolicy) (out []api.Proposal, err error) {
	g, _ := d.state.InForce()
	text := wanted.text
	if g.Policy != wanted.Digest() {
		next := d.state.Succession(queries.GrantLeaf(wanted.Policy))
		p, err := d.policyProposal(&next, wanted.text)
		if err != nil {
			return nil, err
		}
		p.Barred = d.state.BarredFromGrant(&next)
		if p.Replaces, err = ledger.ContentDigest(&g); err != nil {
			return nil, err
		}
		out = append(out, p)
		if _, text, err = d.keptPolicy(g.Policy); err != nil {
			return nil, err
		}
	}
	p, err := d.policyProposal(&g, text)
	p.InForce, p.Barred = d.state.GrantApproved(time.Now()) == nil, d.state.BarredFromGrant(nil)
	leaf, at := d.state.InForceSince()
	p.Since = &api.Since{Leaf: leaf, Time: at}
	return append(out, p), err
}

func (d *domain) policyProposal(g *ledger.Grant, text []byte) (p api.Proposal, err error) {
	leaf, err := ledger.Content(g)
	p = d.proposal(ledger.SubjectGrant, policyName(g.Policy), string(text), digestOf(leaf), g.By)
	p.Leaf, p.InForce = leaf, false
	return p, err
}

// policyName is what a policy is called where people approve it.
func policyName(digest string) string { return "policy " + digest[:12] }

// leafProposal is a leaf that waits, or the one of the snapshot in use.
func (d *domain) leafProposal(k keptProposal) (p api.Proposal, err error) {
	subject, _ := k.body()
	name, by := k.words()
	digest, leaf, err := k.digest()
	detail := "asked for by " + strings.Join(by, ", ")
	if k.Snapshot != nil {
		detail = "loaded by " + k.Snapshot.By + d.snapshotWords(k.Snapshot.Snapshot)
	}
	p = d.proposal(subject, name, detail, digest, by...)
	p.Leaf = leaf
	return p, err
}

// snapshotWords say what is public of a snapshot: whose data are in it, and how many, is not.
func (d *domain) snapshotWords(id string) string {
	m, err := dataset.Load(d.dir, id)
	if err != nil {
		return ", which is not there"
	}
	words := fmt.Sprintf(" on %s, by binding %s (SHA-256 %s), amounts in %s", m.Created, m.Binding, m.BindingSum, m.Currency)
	for _, name := range slices.Sorted(maps.Keys(m.Facts)) {
		words += fmt.Sprintf("\n%s: %d", name, m.Facts[name])
	}
	return words
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// words name a waiting leaf and those who ask for it.
func (k keptProposal) words() (name string, by []string) {
	switch {
	case k.Snapshot != nil:
		return "snapshot " + k.Snapshot.Snapshot, []string{k.Snapshot.By}
	case k.Resume != nil:
		return fmt.Sprintf("%s, suspended since leaf %d", k.Resume.Template, k.Resume.Since), k.Resume.By
	case k.Delete != nil:
		return fmt.Sprintf("what leaf %d released or registered", k.Delete.Leaf), []string{k.Delete.By}
	}
	if k.Audit != nil {
		return fmt.Sprintf("look at the noise of what the first %d leaves released", k.Audit.Leaves), []string{k.Audit.By}
	}
	name = fmt.Sprintf("%s key (%s) %s", k.Key.Use, k.Key.Algorithm, k.Key.Public)
	if k.Key.Lost {
		name += ", in place of one that was LOST and hands nothing over"
	}
	return name, []string{k.Key.By}
}

// proposal says of a thing who has approved it and whether that is enough.
func (d *domain) proposal(subject, name, detail, digest string, by ...string) api.Proposal {
	now := time.Now()
	out := api.Proposal{Subject: subject, Name: name, Detail: detail, Digest: digest, By: by, Approved: []api.ApprovalEntry{}}
	for _, a := range d.state.Approvals(now) {
		named := a.Name == name || subject != ledger.SubjectTemplate && subject != ledger.SubjectJob
		if a.Subject == subject && a.Digest == digest && a.Holds && named {
			out.Approved = append(out.Approved, api.ApprovalEntry{Person: a.Approver, Until: a.Expires})
		}
	}
	out.InForce = d.state.Approved(subject, digest, now, by...) == nil
	out.Barred = d.state.Barred(by...)
	if subject == ledger.SubjectTemplate {
		out.InForce = d.state.TemplateApproved(name, digest, now) == nil
	}
	return out
}

// grantedTemplates are the templates that some grant of some of the policies is for.
func (d *domain) grantedTemplates(policies ...*policy.Policy) []*queries.Template {
	var out []*queries.Template
	for _, t := range slices.Concat(d.catalog.Templates(), d.catalog.FeatureTemplates()) {
		if slices.ContainsFunc(policies, func(p *policy.Policy) bool {
			return slices.ContainsFunc(p.Grants, func(g policy.Grant) bool {
				return slices.Contains(g.Templates, t.ID) || slices.Contains(g.Templates, t.Ref())
			})
		}) {
			out = append(out, t)
		}
	}
	return out
}

// registered is the newest snapshot in the log.
func (d *domain) registered() (ledger.Snapshot, bool) {
	all := d.state.Registered()
	if len(all) == 0 {
		return ledger.Snapshot{}, false
	}
	return all[len(all)-1], true
}

// Proposals are for those who approve, and those who keep the domain.
func (d *domain) Proposals(principal string) (api.ProposalList, error) {
	out := api.ProposalList{Population: d.state.Population()}
	if err := d.policy().May(principal, policy.SeeProposals); err != nil {
		return out, err
	}
	list, notes, err := d.proposals()
	out.Notes = notes
	out.Proposals = slices.DeleteFunc(append([]api.Proposal{}, list...), func(p api.Proposal) bool {
		return p.Subject == ledger.SubjectOptOuts && !d.answersForOptOuts(principal)
	})
	return out, err
}

// Approve logs a statement that a principal sends.
func (d *domain) Approve(ctx context.Context, principal string, a ledger.Approve) (int64, error) {
	if err := d.policy().May(principal, policy.SeeProposals); err != nil {
		return -1, err
	}
	if err := d.ledger.Unmet(); err != nil {
		return -1, err
	}
	if a.Subject == ledger.SubjectOptOuts {
		return -1, statementFault(d.approveOptOuts(ctx, a))
	}
	leaf, err := d.ledger.Approve(ctx, a)
	return leaf, statementFault(err)
}

// statementFault is an error about a statement, which is not the log's fault.
func statementFault(err error) error {
	if errors.Is(err, ledger.ErrLeaf) { // the statement's fault, not the log's
		err = fmt.Errorf("%w: %s", ledger.ErrApproval, strings.TrimPrefix(err.Error(), ledger.ErrLeaf.Error()+": "))
	}
	return err
}
