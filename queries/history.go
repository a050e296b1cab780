package queries

import (
	"time"

	"github.com/qunxiang/qunxiang/policy"
)

// Asked is a charged request as its asker sees it later, and whoever may read the log.
// Answers that were given from store are not among them: they cost nothing, and the log
// has them.
type Asked struct {
	ID           string    `json:"id"`
	Asked        time.Time `json:"asked"`
	Due          time.Time `json:"due"`
	State        State     `json:"state"`
	Principal    string    `json:"principal"`
	Organisation string    `json:"organisation"`
	Template     string    `json:"template"` // id@version
	Catalogue    string    `json:"catalogue"`
	Title        Text      `json:"title"`
	Purpose      string    `json:"purpose"`
	Rho          float64   `json:"rho"`
	Delta        float64   `json:"delta"`
	Scopes       []string  `json:"scopes"`
	Leaf         int64     `json:"leaf"`              // of the charge
	Training     bool      `json:"training"`          // an attempt of a training job: nothing to fetch
	Deleted      bool      `json:"deleted,omitempty"` // its time of keeping is over
}

// History lists what a principal has been charged for, newest first, and for whom may read
// the log what a checkpoint covers of everybody's. It says of a request's end only what a
// checkpoint covers.
func (r *Runner) History(principal string) []Asked {
	out := []Asked{}
	all := r.rules().May(principal, policy.ReadLog) == nil
	b := registrar{r: r}
	requests := r.State.Requests()
	for i := len(requests) - 1; i >= 0; i-- {
		rec := requests[i]
		if rec.Principal != principal && !(all && r.covered(rec.Index)) {
			continue
		}
		title, _ := b.title(rec.Template)
		out = append(out, Asked{
			ID: rec.ID, Asked: rec.Time, Due: rec.Due, State: b.state(rec), Principal: rec.Principal, Organisation: rec.Organisation,
			Template: rec.Template, Catalogue: rec.Catalogue, Title: title, Purpose: rec.Purpose,
			Rho: rec.Cost.RhoFloat(), Delta: rec.Cost.DeltaFloat(), Scopes: rec.Scopes, Leaf: rec.Index,
			Training: b.training(rec), Deleted: rec.Deleted,
		})
	}
	return out
}
