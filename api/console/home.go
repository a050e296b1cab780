package console

import (
	"context"
	"time"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// homeView is what needs the visitor now.
type homeView struct {
	Running, Recent []pastRequest
	Waiting         int // proposals that wait for approvals
	Budgets         []budgetLine
	Log, Asks       bool
	Approvals       bool
	Evaluation      bool
	Trains          bool
	Trainings       int // of the visitor's that are going on, by the log
	Cards           []waitingCard
}

// waitingCard is a job card that waits for the visitor's side.
type waitingCard struct{ Name, Path, Why string }

// cardsWait is how long the first page waits for a coordinator's word on cards.
const cardsWait = 500 * time.Millisecond

// homeEntries is how many answers the first page shows.
const homeEntries = 5

// home shows each role what it would look for first.
func (c *console) home(v *view) error {
	data := homeView{
		Asks: v.Asks(), Log: c.Published != nil && v.may(policy.ReadLog), Approvals: v.seesApprovals(),
		Evaluation: v.rules.Mode == policy.ModeEvaluation, Budgets: v.budgetLines(),
		Trains: v.seesTraining(), Trainings: v.openTrainings(),
	}
	for _, p := range v.past(homeEntries) {
		if p.State == queries.Running {
			data.Running = append(data.Running, p)
		} else {
			data.Recent = append(data.Recent, p)
		}
	}
	data.Cards = v.cardsForOwner()
	if data.Approvals {
		if list, err := v.listApprovals(); err == nil {
			data.Waiting = len(list.Waiting)
			data.Cards = append(data.Cards, cardsForApprovers(list.Waiting)...)
		}
	}
	return v.show("home", v.say("nav home"), data)
}

// cardsForOwner are the jobs that wait for the approval of the domain's owner, for stewards
// and the operators of its node. What is wrong with a job's folder the page of trainings says.
func (v *view) cardsForOwner() (out []waitingCard) {
	if !v.seesTraining() || !v.is(policy.Steward) && !v.is(policy.Node) {
		return nil
	}
	ctx, cancel := context.WithTimeout(v.r.Context(), cardsWait)
	defer cancel()
	jobs, err := v.jobs(ctx)
	if err != nil {
		return nil
	}
	for _, j := range jobs {
		if j.Stage() == "approve" && v.receives(j) {
			out = append(out, waitingCard{j.Name(), "/console/training/" + j.Digest, "card for owner"})
		}
	}
	return out
}

// cardsForApprovers are the jobs among what waits for the approvals of two people.
func cardsForApprovers(waiting []api.Proposal) (out []waitingCard) {
	for _, p := range waiting {
		if p.Subject == ledger.SubjectJob {
			out = append(out, waitingCard{p.Name, "/console/steward/proposals/" + p.Subject + "/" + p.Digest, "card for two"})
		}
	}
	return out
}

// pastRequest is one of the visitor's own requests.
type pastRequest struct {
	ID        string
	Title     queries.Text
	Catalogue string
	Time, Due time.Time
	State     queries.State
	Rho       float64
	Purpose   string
}

// past are the visitor's own charged requests, newest first, at most so many.
func (v *view) past(most int) []pastRequest {
	var out []pastRequest
	for _, rec := range v.c.Past(v.Who.Principal, most) {
		t, err := v.c.Service.Status(v.Who.Principal, rec.ID)
		if err != nil {
			continue
		}
		p := pastRequest{
			ID: rec.ID, Catalogue: rec.Catalogue, Time: rec.Time, Due: t.Due, State: t.State,
			Rho: rec.Cost.RhoFloat(), Purpose: rec.Purpose, Title: queries.Text{EN: rec.Template, ZH: rec.Template},
		}
		if found, err := v.c.Catalog.Find(rec.Template); err == nil {
			p.Title = found.Title
		}
		out = append(out, p)
	}
	return out
}

// historyView is the visitor's own requests.
type historyView struct {
	Past []pastRequest
}

// historyEntries is how many requests the history shows.
const historyEntries = 200

// history shows what the visitor has asked and been charged for.
func (c *console) history(v *view) error {
	if !v.Asks() {
		return errNotFound
	}
	return v.show("history", v.say("nav answers"), historyView{v.past(historyEntries)})
}
