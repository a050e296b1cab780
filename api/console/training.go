package console

import (
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// trainingView is what the domain's log says of federated trainings.
type trainingView struct{ Jobs []jobView }

// jobView is one job: what was set aside for it, and its rounds as they were charged.
type jobView struct {
	ledger.Reservation
	Question string
	Open     bool
	Spent    float64
	Card     string // in plain words
	Rounds   []ledger.Request
}

// seesTraining says whether the visitor has the page of trainings.
func (v *view) seesTraining() bool {
	return v.c.Reservations != nil && (v.is(policy.Steward) || v.is(policy.Regulator) || v.is(policy.Node))
}

// training shows the domain's own record of each federated training: the reservation and
// the charges of its rounds, abandoned ones among them.
func (c *console) training(v *view) error {
	if !v.seesTraining() {
		return errNotFound
	}
	var data trainingView
	rounds := map[string][]ledger.Request{}
	for _, rec := range c.Rounds() {
		rounds[rec.Key] = append(rounds[rec.Key], rec)
	}
	all := c.Reservations()
	for i := len(all) - 1; i >= 0; i-- {
		j := jobView{Reservation: all[i], Question: v.question(all[i].Template), Rounds: rounds[all[i].Job], Open: all[i].Open(c.Now())}
		if c.Card != nil && v.is(policy.Steward) {
			j.Card = c.Card(all[i].Job)
		}
		for _, r := range j.Rounds {
			j.Spent += r.Cost.RhoFloat()
		}
		data.Jobs = append(data.Jobs, j)
	}
	return v.show("training", v.say("nav training"), data)
}

// RoundState is where a round's charge stands.
func (v *view) RoundState(r ledger.Request) queries.State {
	switch {
	case r.Abandoned:
		return queries.Abandoned
	case r.Release >= 0:
		return queries.Released
	}
	return queries.Running
}
