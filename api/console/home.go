package console

import (
	"context"
	"slices"
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
	for _, p := range v.asked(homeEntries) {
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
	Grant     string
	Repeat    bool             // given from store, at no cost
	ByRole    bool             // that, to somebody who had not asked for it
	Deleted   *ledger.Deletion // nil where the answer is there
}

// past are the visitor's own charged requests, newest first, at most so many.
func (v *view) past(most int) []pastRequest {
	var out []pastRequest
	for _, rec := range v.c.Past(v.Who.Principal, most) {
		if rec.Catalogue == ledger.Training { // a round is no question, and has a page of its own
			continue
		}
		t, err := v.c.Service.Status(v.Who.Principal, rec.ID)
		if err != nil {
			continue
		}
		p := v.pastOf(rec)
		p.Due, p.State, p.Rho = t.Due, t.State, rec.Cost.RhoFloat()
		out = append(out, p)
	}
	return out
}

// pastOf is what a charge says of a request, its own or one that its release answers.
func (v *view) pastOf(rec ledger.Request) pastRequest {
	p := pastRequest{ID: rec.ID, Catalogue: rec.Catalogue, Time: rec.Time, Due: rec.Due, State: queries.Released, Purpose: rec.Purpose, Grant: rec.Grant, Title: queries.Text{EN: rec.Template, ZH: rec.Template}}
	if found, err := v.c.Catalog.Find(rec.Template); err == nil {
		p.Title = found.Title
	}
	if d, ok := v.c.Deletion(rec.Release); ok && rec.Deleted {
		p.Deleted = &d
	}
	return p
}

// asked are the visitor's charged requests and what they were given from store, newest
// first, at most so many.
func (v *view) asked(most int) []pastRequest {
	out := v.past(most)
	for _, t := range v.c.Repeats(v.Who.Principal, most) {
		p := v.pastOf(t.Request)
		p.ID, p.Time, p.Repeat, p.ByRole = t.ID, t.Time, true, t.Purpose == string(policy.ReadReleases)
		if p.Purpose = t.Purpose; p.ByRole {
			p.Purpose = ""
		}
		out = append(out, p)
	}
	slices.SortStableFunc(out, func(a, b pastRequest) int { return b.Time.Compare(a.Time) })
	return out[:min(most, len(out))]
}

// historyView is the visitor's own requests.
type historyView struct {
	Past []pastRequest
}

// historyEntries is how many requests the history shows.
const historyEntries = 200

// history shows what the visitor has asked, and was charged for or given from store.
func (c *console) history(v *view) error {
	if !v.Asks() {
		return errNotFound
	}
	return v.show("history", v.say("nav answers"), historyView{v.asked(historyEntries)})
}
