package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/glm"
)

// retryAfter is how long a job that waits for its operator is left alone.
const retryAfter = 5 * time.Second

// waits tells the others, once for each reason, that the job waits here and for what. A
// coordinator that does not answer is told the next time.
func (s *nodeService) waits(ctx context.Context, j *nodeJob, why string, err error) {
	if j.waits == why {
		return
	}
	s.console.say(j.card.Job, "not run yet, the others are told that they wait for %s: %v", why, err)
	notice, err := federated.WaitNotice(j.card, s.settings.Name, why, s.key)
	if err == nil {
		err = s.transport(j.digest).Post(ctx, notice)
	}
	if err != nil {
		s.console.say(j.card.Job, "the others could not be told: %v", err)
		return
	}
	j.waits = why
}

// limits are those of node.yaml now; of a file that cannot be read, those that were read
// last.
func (s *nodeService) limits() federated.Limits {
	now, err := s.folder.settings()
	if err != nil {
		return s.settings.limits
	}
	return now.limits
}

// past says whether the card's last day has passed.
func (j *nodeJob) past(at time.Time) bool {
	return at.UTC().Format(time.DateOnly) > j.card.Until
}

// refusedReason is all that the others are told of a job that a node's own rules refuse:
// which rule it was may say something of its ledger.
const refusedReason = "refused by the rules of this node"

// stopAsked takes a request to stop, where the job is neither over nor stopped: from then
// on it has stopped here, whether or not it can be opened.
func (j *nodeJob) stopAsked() error {
	why, err := j.text(stopFile)
	if err != nil || why == "" {
		return err
	}
	return j.stop(why)
}

// stop writes down that the job has stopped here, once and for good.
func (j *nodeJob) stop(why string) error {
	if j.has(stoppedFile) || j.has(modelFile) {
		return nil
	}
	return j.put(stoppedFile, []byte(why))
}

// leave tells the others that the job has stopped here. It needs neither data nor policy:
// what speaks against running the job must not keep it from ending. It is
// federated.ErrStopped in the end.
func (s *nodeService) leave(ctx context.Context, j *nodeJob) error {
	o := s.stoppedOptions(j)
	n, err := federated.OpenNode(ctx, o)
	if err == nil {
		return errors.Join(s.drive(ctx, j, n, o.Books), n.Close())
	}
	s.console.say(j.card.Job, "the job does not open, and is stopped all the same: %v", err)
	if err := o.Books.CloseJob(ctx, j.digest); err != nil {
		return err
	}
	return s.tell(ctx, j, o.Transport)
}

// stoppedOptions are those of a job that is opened to be stopped: it is given no rows.
func (s *nodeService) stoppedOptions(j *nodeJob) federated.NodeOptions {
	o := s.bareOptions(j)
	o.Books = &federated.LedgerBooks{Ledger: s.d.ledger, Key: s.d.logKey(), Slot: s.settings.Slot}
	o.Rows = func(context.Context) ([]glm.Row, error) { return nil, federated.ErrStopped }
	return o
}

// tell posts the notice of a job that does not open until the coordinator has it.
func (s *nodeService) tell(ctx context.Context, j *nodeJob, to federated.Transport) error {
	why, err := j.text(stoppedFile)
	if err != nil {
		return err
	}
	notice, err := federated.StopNotice(j.card, s.settings.Name, why, s.key)
	if err != nil {
		return err
	}
	for begun := time.Now(); ; {
		err := to.Post(ctx, notice)
		switch {
		case err == nil:
			return errors.Join(fmt.Errorf("%w: %s", federated.ErrStopped, why), j.put(toldFile, nil))
		case ctx.Err() != nil:
			return ctx.Err()
		case s.once && time.Since(begun) > 30*time.Second:
			return fmt.Errorf("%w: %s (the others could not be told yet)", federated.ErrStopped, why)
		}
		rest(ctx, s.settings.Poll)
	}
}

// ruledOut says whether the node's own rules speak against a job: limits, policy, ledger,
// snapshots or the catalogue. After the card's last day nobody mends them any more.
func ruledOut(err error) bool {
	for _, rule := range []error{federated.ErrLimit, federated.ErrSnapshot, federated.ErrRefused, federated.ErrCard, federated.ErrAbsent} {
		if errors.Is(err, rule) {
			return true
		}
	}
	return false
}
