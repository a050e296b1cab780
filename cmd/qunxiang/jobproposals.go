package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// jobProposals are the training jobs whose cards this domain's owner has approved and that
// are not over: in a supervised domain two people approve a card too, before anything is
// set aside for it. A job that cannot be read stops nothing else: notes say what is wrong.
func (d *domain) jobProposals() (out []api.Proposal, notes []string, err error) {
	skip := func(dir string, err error) {
		notes = append(notes, fmt.Sprintf("%s is passed over: %v", filepath.Join("node", "jobs", filepath.Base(dir)), err))
	}
	dirs, err := nodeFolderOf(d.dir).approvedDirs()
	for _, dir := range dirs {
		j, err := readNodeJob(dir)
		if err != nil {
			skip(dir, err)
			continue
		}
		if r, aside := d.state.ReservationOf(j.digest.String()); j.over() || aside && r.Closed || j.card.Until < time.Now().UTC().Format(time.DateOnly) {
			continue
		}
		r, err := d.reservation(dir, j.card)
		if err != nil {
			skip(dir, err)
			continue
		}
		p, err := d.jobProposal(j.card, r)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, p)
	}
	return out, notes, err
}

// reservation is what a job has set aside here, or will: the terms that people approve.
func (d *domain) reservation(dir string, card *federated.Card) (ledger.Reserve, error) {
	a, err := card.Aside()
	if err != nil {
		return ledger.Reserve{}, err
	}
	if made, aside := d.state.ReservationOf(a.Job.String()); aside {
		return made.Reserve, nil
	}
	o := federated.NodeOptions{Dir: dir}
	if err := d.train(context.Background(), card, &o); err != nil {
		return ledger.Reserve{}, err
	}
	return books(o).Reservation(a), nil
}

func (d *domain) jobProposal(card *federated.Card, r ledger.Reserve) (p api.Proposal, err error) {
	leaf, err := card.JSON()
	if err != nil {
		return p, err
	}
	text, err := card.Text()
	var by []string
	if r.By != "" { // reservations of older rules do not say
		by = []string{r.By}
	}
	p = d.proposal(ledger.SubjectJob, r.Terms(d.policy().Population), text, r.Job, by...)
	p.Leaf, p.Barred = leaf, d.state.Barred(r.By, r.Principal)
	p.InForce = d.state.JobApproved(r, time.Now()) == nil
	return p, err
}

// checkJob holds what is shown of a job against its card, whose digest is the job, and the
// terms against what the card costs and how long it lasts. Which scopes are charged, and by
// which grant, the card does not say: of these the terms are what is signed.
func checkJob(p api.Proposal) error {
	differs := errors.New("the digest is not that of the card that is shown, or the terms are not the card's; nothing was signed")
	card, err := federated.ReadCard(p.Leaf)
	if err != nil {
		return fmt.Errorf("%w (%w)", differs, err)
	}
	text, err := card.Text()
	if err != nil {
		return err
	}
	a, err := card.Aside()
	if err != nil {
		return fmt.Errorf("%w (%w)", differs, err)
	}
	terms := ledger.Reserve{Template: card.Source.Template, Purpose: card.Purpose, Cost: a.Whole, Until: a.Until, By: strings.Join(p.By, " ")}
	_, rest, _ := strings.Cut(p.Name, " of each of ")
	scopes, rest, _ := strings.Cut(rest, ", until ")
	_, rest, _ = strings.Cut(rest, ", by grant ")
	terms.Grant, _, _ = strings.Cut(rest, ", asked for by ")
	terms.Scopes = strings.Split(scopes, ", ")
	if digestOf(p.Leaf) != p.Digest || p.Name != terms.Terms("") || p.Detail != text || len(p.By) > 1 {
		return differs
	}
	return nil
}
