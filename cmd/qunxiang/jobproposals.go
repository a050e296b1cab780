package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// jobProposals are the training jobs whose cards this domain's owner has approved and that
// are not over: in a supervised domain two people approve a card too, before anything is
// set aside for it. A job that cannot be read stops nothing else: notes say what is wrong.
func (d *domain) jobProposals() (out []api.Proposal, notes []string, err error) {
	dirs, err := nodeFolderOf(d.dir).approvedDirs()
	for _, dir := range dirs {
		j, err := readNodeJob(dir)
		if err != nil {
			notes = append(notes, fmt.Sprintf("%s is no job and is passed over: %v", filepath.Join("node", "jobs", filepath.Base(dir)), err))
			continue
		}
		if r, aside := d.state.ReservationOf(j.digest.String()); j.over() || aside && r.Closed || j.card.Until < time.Now().UTC().Format(time.DateOnly) {
			continue
		}
		p, err := d.jobProposal(j.card)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, p)
	}
	return out, notes, err
}

func (d *domain) jobProposal(card *federated.Card) (p api.Proposal, err error) {
	leaf, err := card.JSON()
	if err != nil {
		return p, err
	}
	text, err := card.Text()
	digest, principal := digestOf(leaf), d.trainsAs(card)
	p = d.proposal(ledger.SubjectJob, jobName(card), text, digest)
	p.Leaf, p.Barred = leaf, d.state.Barred(principal)
	p.InForce = d.state.JobApproved(digest, principal, time.Now()) == nil
	return p, err
}

// trainsAs is the principal who would be charged for a card here, "" where the policy
// grants it to nobody.
func (d *domain) trainsAs(card *federated.Card) string {
	t, err := d.certifiedFeatures(card.Source)
	if err != nil {
		return ""
	}
	principal, _, err := d.mayTrain(t, card.Purpose)
	if err != nil {
		return ""
	}
	return principal
}

// jobName is what a job is called where people approve it.
func jobName(c *federated.Card) string { return "training job " + c.Job }

// checkJob holds what is shown of a job against its card, whose digest is the job.
func checkJob(p api.Proposal) error {
	differs := errors.New("the digest is not that of the card that is shown; nothing was signed")
	card, err := federated.ReadCard(p.Leaf)
	if err != nil {
		return fmt.Errorf("%w (%w)", differs, err)
	}
	text, err := card.Text()
	if err != nil {
		return err
	}
	if digestOf(p.Leaf) != p.Digest || p.Name != jobName(card) || p.Detail != text || len(p.By) > 0 {
		return differs
	}
	return nil
}
