package console

import (
	"context"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// LogReport is what the auditor's verifier says of a log.
type LogReport struct {
	OK                                 bool
	Leaves, Signed                     int64
	Root                               string
	Charges, Released, Abandoned, Open int64
	Repeats, Refused                   int64
	Witnesses                          []Vouched // who have cosigned the checkpoint
	// Supervision is nil for a domain of evaluation.
	Supervision *Supervision
	// Approvals are those that hold, by their leaves.
	Approvals []Approval
	// Findings are in the verifier's own words, each with the leaf it is about, -1 for
	// the log as a whole.
	Findings []Finding
}

// Finding is one thing that is wrong.
type Finding struct {
	Leaf       int64
	Code, Text string
}

// Vouched is a witness or an approver. Where they are not pinned, the log alone says whose
// key theirs is.
type Vouched struct {
	Name   string
	Pinned bool
}

// Supervision is since when people approve, and who.
type Supervision struct {
	Since     int64 // leaf of the first policy that names approvers
	Before    int64 // charges before that, which nobody approved
	Approved  bool  // the newest policy has the approvals it needs
	Approvers []Vouched
}

// Approval is a person's word on a thing.
type Approval struct {
	Subject, Name, Approver string
	Leaf                    int64
}

// checkedLog is a report, the size of the checkpoint it was made at, and when.
type checkedLog struct {
	*LogReport
	size int64
	At   time.Time
}

const (
	// freshCheck is how long a report of a checkpoint stands: a disk may change under a
	// log that does not.
	freshCheck = 15 * time.Minute
	// longestCheck ends a run of the verifier whose reader has gone.
	longestCheck = 10 * time.Minute
)

// checks runs the verifier once for all who ask at the same time, and keeps its report.
type checks struct {
	flight singleflight.Group
	mu     sync.Mutex
	report *checkedLog
}

// last is the newest report, nil before the first.
func (k *checks) last() *checkedLog {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.report
}

// check has the log verified as it is now, unless a report of this checkpoint is there.
func (c *console) check(ctx context.Context) error {
	size, err := checkpointSize(c.Published.Checkpoint())
	if err != nil {
		return err
	}
	if r := c.checks.last(); r != nil && r.size == size && c.Now().Sub(r.At) < freshCheck {
		return nil
	}
	done := c.checks.flight.DoChan("", func() (any, error) {
		run, cancel := context.WithTimeout(context.WithoutCancel(ctx), longestCheck) // others wait for it too
		defer cancel()
		report, err := c.CheckLog(run)
		if err == nil {
			c.checks.mu.Lock()
			c.checks.report = &checkedLog{report, size, c.Now()}
			c.checks.mu.Unlock()
		}
		return nil, err
	})
	select {
	case r := <-done:
		return r.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// verifyLog runs the auditor's verifier over the whole log and goes back to the page it
// was asked on, which has the report.
func (c *console) verifyLog(v *view) error {
	if !v.readsLog() || c.CheckLog == nil {
		return errNotFound
	}
	if err := c.check(v.r.Context()); err != nil {
		return err
	}
	http.Redirect(v.w, v.r, filterOf(v.r.PostForm).address(), http.StatusSeeOther)
	return nil
}
