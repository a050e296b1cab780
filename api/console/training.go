package console

import (
	"context"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/api/federation"
	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// Training is what the domain's own node, and a coordinator of the same authority, know
// of federated jobs. All of it is on a job's card, in the domain's log, said by the
// coordinator, or follows from the noisy sums that every node has decrypted.
type Training interface {
	// Jobs are the jobs known here, without Proof and Report.
	Jobs(ctx context.Context) ([]TrainingJob, error)
	// Job is one of them in full, nil for any other digest.
	Job(ctx context.Context, digest string) (*TrainingJob, error)
}

// TrainingJob is a job as it is known here.
type TrainingJob struct {
	Digest string // of the card, in hexadecimal
	Card   *federated.Card
	// Organisation is that of the domain's principal that is charged for it; "" where the
	// domain is no party to the job, or may not train: then it is for stewards alone.
	Organisation string
	Node         string // the domain's node on the card, "" for none
	Approved     bool   // by the owner here
	Stopped      string // why it ended here without a model
	// State is the coordinator's word, which nobody has to believe; nil where it does not
	// answer or does not know the job.
	State *federation.JobStatus
	// Proof is what the node's own folder proves, as far as rounds are closed; nil before.
	Proof *federated.Verified
	// Broken is the code of what does not hold in the folder of a job that is over.
	Broken string
	Report []byte // the model with its lineage in JSON, once it is finished
}

// jobView is one job on a page.
type jobView struct {
	Digest       string
	Organisation string
	*TrainingJob                     // for parties; nil where only the log knows the job
	Shown        *federated.Card     // for whoever may read it, nil for others
	Set          *ledger.Reservation // nil before it sets anything aside
	Charges      []chargeView
	Spent        float64
	Open         bool // of what is set aside
}

// chargeView is the charge of one attempt of a job's round.
type chargeView struct {
	ledger.Request
	Attempt int64 // 0 for none
}

// seesTraining says whether the visitor has the page of trainings.
func (v *view) seesTraining() bool {
	return v.c.Reservations != nil && (v.is(policy.Steward) || v.is(policy.Regulator) || v.is(policy.Node))
}

// seesJob says whether a job exists for the visitor: for stewards; for regulators what
// is in the log, and what was approved here and so waits for the approvals of two people,
// of whom they may be one; for an operator of a node those of the same organisation.
func (v *view) seesJob(j *jobView) bool {
	return v.is(policy.Steward) || v.is(policy.Regulator) && (j.Set != nil || j.TrainingJob != nil && j.Approved) || v.operates(j)
}

// receives says whether the visitor may have a job's rounds and its model: they are the
// parties'. A regulator has the card, which they approve, and the log.
func (v *view) receives(j *jobView) bool { return v.is(policy.Steward) || v.operates(j) }

// operates says whether the visitor is of the organisation that the job is charged to.
func (v *view) operates(j *jobView) bool {
	return v.is(policy.Node) && j.Organisation != "" && j.Organisation == v.Who.Organisation
}

// jobs are the jobs that exist for the visitor: those of the log, newest first, and then
// those that have set nothing aside yet.
func (v *view) jobs(ctx context.Context) ([]*jobView, error) {
	var all []*jobView
	reserved := v.c.Reservations()
	for i := len(reserved) - 1; i >= 0; i-- {
		r := reserved[i]
		all = append(all, &jobView{Digest: r.Job, Organisation: r.Organisation, Set: &r, Open: r.Open(v.c.Now())})
	}
	if v.c.Training != nil {
		known, err := v.c.Training.Jobs(ctx)
		if err != nil {
			return nil, err
		}
		for i := range known {
			at := slices.IndexFunc(all, func(j *jobView) bool { return j.Digest == known[i].Digest })
			if at < 0 {
				at = len(all)
				all = append(all, &jobView{Digest: known[i].Digest, Organisation: known[i].Organisation})
			}
			all[at].TrainingJob = &known[i]
		}
	}
	all = slices.DeleteFunc(all, func(j *jobView) bool { return !v.seesJob(j) })
	for _, j := range all {
		if j.TrainingJob != nil {
			j.Shown = j.Card
		}
		if !v.receives(j) {
			j.TrainingJob = nil
		}
	}
	for _, rec := range v.c.Rounds() {
		at := slices.IndexFunc(all, func(j *jobView) bool { return j.Digest == rec.Key })
		if at < 0 {
			continue
		}
		n, _ := strconv.ParseInt(strings.TrimPrefix(rec.ID, rec.Key+"-"), 10, 64) // 0 for a charge that is no attempt's
		all[at].Charges = append(all[at].Charges, chargeView{rec, n})
		all[at].Spent += rec.Cost.RhoFloat()
	}
	return all, nil
}

// openTrainings is how many jobs of the log that exist for the visitor are going on.
func (v *view) openTrainings() (n int) {
	if !v.seesTraining() {
		return 0
	}
	for _, r := range v.c.Reservations() {
		if r.Open(v.c.Now()) && v.seesJob(&jobView{Organisation: r.Organisation, Set: &r}) {
			n++
		}
	}
	return n
}

// training lists the trainings.
func (c *console) training(v *view) error {
	if !v.seesTraining() {
		return errNotFound
	}
	jobs, err := v.jobs(v.r.Context())
	if err != nil {
		return err
	}
	return v.show("training", v.say("nav training"), jobs)
}

// job finds the job of a path among those that exist for the visitor, in full where the
// visitor is a party.
func (v *view) job() (*jobView, error) {
	digest := v.r.PathValue("job")
	if raw, err := hex.DecodeString(digest); !v.seesTraining() || err != nil || len(raw) != 32 {
		return nil, errNotFound
	}
	all, err := v.jobs(v.r.Context())
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(j *jobView) bool { return j.Digest == digest })
	if at < 0 {
		return nil, errNotFound
	}
	j := all[at]
	if j.TrainingJob != nil {
		full, err := v.c.Training.Job(v.r.Context(), digest)
		if err != nil {
			return nil, err
		}
		if full != nil {
			j.TrainingJob = full
		}
	}
	return j, nil
}

// Name is what the job's card calls it, else the beginning of its digest.
func (j *jobView) Name() string {
	if j.Shown == nil {
		return j.Digest[:min(14, len(j.Digest))] + "…"
	}
	return j.Shown.Job
}

// Question is the feature template that the job reads.
func (v *view) Question(j *jobView) string {
	if j.Set != nil {
		return v.question(j.Set.Template)
	}
	return v.question(j.Shown.Source.Template)
}

// Stage says in a word how far a job is: see the texts "stage ...".
func (j *jobView) Stage() string {
	s := (*federation.JobStatus)(nil)
	if j.TrainingJob != nil {
		s = j.State
	}
	// The coordinator is believed only where no folder here proves anything.
	theirs := s != nil && j.Proof == nil
	switch {
	case j.TrainingJob == nil && j.Set == nil:
		return "agreed"
	case j.TrainingJob == nil && j.Open:
		return "open"
	case j.TrainingJob == nil:
		return "over"
	case j.Broken != "":
		return "broken"
	case j.Proof != nil && j.Proof.Done:
		return "done"
	case j.Stopped != "" || theirs && s.Ended != "":
		return "stopped"
	case theirs && s.Done:
		return "done"
	case j.Node != "" && !j.Approved:
		return "approve"
	case s == nil:
		return "away"
	case s.Attempt == 0:
		return "waiting"
	}
	return "running"
}

// over says that nothing more will happen to the job.
func (j *jobView) over() bool {
	return slices.Contains([]string{"done", "stopped", "broken", "over"}, j.Stage())
}

// closed is how many rounds are closed, and of how many.
func (j *jobView) closed() (n, of int) {
	if j.TrainingJob == nil {
		return len(j.Charges), 0
	}
	of = j.Card.Model.Rounds
	switch {
	case j.Proof != nil:
		n = len(j.Proof.Rounds)
	case j.State != nil:
		n = min(max(0, j.State.Round), of)
	}
	if j.Stage() == "done" {
		n = of
	}
	return n, of
}

// Proven says that the node's folder proves every closed round, approvals included.
func (j *jobView) Proven() bool { return j.TrainingJob != nil && j.Proof != nil }

// RoundsClosed is how many rounds are closed.
func (j *jobView) RoundsClosed() int {
	n, _ := j.closed()
	return n
}

// left is about how long the rounds that are not closed will take, by the times of the
// charges in the log; 0 where that cannot be told.
func (j *jobView) left() time.Duration {
	n, of := j.closed()
	if len(j.Charges) < 2 || n >= of || j.over() {
		return 0
	}
	each := j.Charges[len(j.Charges)-1].Time.Sub(j.Charges[0].Time) / time.Duration(len(j.Charges)-1)
	return each * time.Duration(of-n)
}

// Minute is a date and time to the minute.
func (w words) Minute(t time.Time) string { return w.Day(t) + " " + t.In(api.China).Format("15:04") }

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
