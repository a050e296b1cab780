package queries

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// outcome is what an answer came to.
type outcome struct {
	body []byte
	err  error
}

// run answers a charged request and releases it at its slot, or abandons it
// there: also where the engine has not come back by then, whose result is
// dropped. What went wrong is told to nobody: it depends on the data.
func (r *Runner) run(ctx context.Context, t *ticket, charge int64, purpose string) {
	defer r.running.Done()
	defer t.cancel()
	answered := make(chan outcome, 1)
	r.running.Go(func() {
		body, err := r.answer(ctx, t, purpose)
		answered <- outcome{body, err}
	})
	r.sleepUntil(t.Due)
	got := outcome{err: ErrAbandoned}
	select {
	case got = <-answered:
	default:
	}
	state, err, body := Abandoned, got.err, got.body
	digest := digestOf(body)
	if err == nil { // not before: when a file appears would tell how long the run took
		if err = r.Store.Put(digest, body); err != nil && r.Fatal != nil {
			r.Fatal(fmt.Errorf("an answer could not be kept: %w", err))
		}
	}
	if err == nil {
		err = whenDue(func() error {
			leaf, err := r.Ledger.Release(context.Background(), ledger.Release{Charge: charge, ID: t.ID, Digest: digest})
			if errors.Is(err, ledger.ErrQuorum) {
				return r.deliver(leaf)
			}
			return err
		})
	}
	if errors.Is(err, ledger.ErrQuorum) { // the server ends before it is delivered: the next one will
		r.forget(t)
		return
	}
	if err == nil {
		state = Released
	} else {
		_ = whenDue(func() error {
			_, err := r.Ledger.Abandon(context.Background(), charge)
			return err
		})
	}
	r.mu.Lock()
	t.State = state
	r.working-- // not when the engine is done: who is let in then would tell how long it took
	delete(r.tickets, t.ID)
	r.mu.Unlock()
	close(t.done)
}

// deliver waits until the witnesses have cosigned a release that is in the log. ErrQuorum
// where the server ends first.
func (r *Runner) deliver(leaf int64) error {
	for {
		select {
		case <-r.closing:
			return ledger.ErrQuorum
		case <-time.After(time.Second):
		}
		if err := r.Ledger.Deliver(context.Background(), leaf); !errors.Is(err, ledger.ErrQuorum) {
			return err
		}
	}
}

// forget lets a ticket go whose end is for the log to tell.
func (r *Runner) forget(t *ticket) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.working--
	delete(r.tickets, t.ID)
	close(t.done)
}

// whenDue tries to close a charge until its slot has come by the ledger's clock
// too, which may have been put back.
func whenDue(f func() error) error {
	for {
		if err := f(); !errors.Is(err, ledger.ErrEarly) {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func digestOf(body []byte) string {
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// answer computes and noises; nothing it does is visible outside the process.
func (r *Runner) answer(ctx context.Context, t *ticket, purpose string) (body []byte, err error) {
	defer func() {
		if recover() != nil { // whatever it says may quote data
			err = ErrAbandoned
		}
	}()
	p := t.priced
	table, err := r.Answerer.Answer(ctx, p.order)
	if err != nil {
		return nil, ErrAbandoned
	}
	p.derive(table)
	body, err = json.Marshal(r.document(t, purpose, table))
	if err != nil {
		return nil, ErrAbandoned
	}
	return append(body, '\n'), ctx.Err()
}

func (r *Runner) document(t *ticket, purpose string, table *dp.Table) Release {
	p, cost := t.priced, t.priced.plan.Cost()
	rel := Release{
		ID: t.ID, Template: p.Template.Ref(), Catalogue: p.Template.Catalogue, Digest: p.Template.Digest(),
		Coarse: p.Coarse, Title: p.Template.Title, Parameters: p.Parameters, Purpose: purpose,
		Snapshot: p.Job.Snapshot, Epoch: p.Job.Epoch, Released: t.Due, Evaluation: p.evaluation, Bounding: BoundByRequest,
		Keys: []string{}, Groups: p.groups(table), Notes: p.notes(),
		Privacy: Privacy{
			Rho: cost.RhoFloat(), Delta: cost.DeltaFloat(), DisplayDelta: r.rules().ConversionDelta,
			Epsilon: round(dp.Epsilon(cost, r.rules().ConversionDelta)), K: p.Job.Spec.K, Scopes: p.scopes, Charged: true,
		},
	}
	for _, k := range p.Job.Spec.Keys {
		rel.Keys = append(rel.Keys, k.Name)
	}
	for _, l := range p.Codes {
		if rel.CodeLists == nil {
			rel.CodeLists = map[string]string{}
		}
		rel.CodeLists[l.ID] = l.Digest()
	}
	p.addTotals(&rel, table)
	rel.Synthetic = synthetic(table)
	return rel
}

func (r *Runner) sleepUntil(due time.Time) {
	for wait := due.Sub(r.Now()); wait > 0; wait = due.Sub(r.Now()) {
		time.Sleep(min(wait, time.Second)) // on the monotonic clock; the slot is on the wall's, which may be put right
	}
}

// Status tells where a request of this principal stands; after a restart the
// log knows.
func (r *Runner) Status(principal, id string) (Ticket, error) {
	r.mu.Lock()
	t := r.tickets[id]
	if t != nil && t.principal == principal {
		defer r.mu.Unlock()
		return t.Ticket, nil
	}
	r.mu.Unlock()
	asked, ok := r.State.Trace(id)
	if !ok || asked.By != principal {
		return Ticket{}, fmt.Errorf("%w: %s", ErrUnknownRequest, id)
	}
	rec := asked.Request
	out := Ticket{ID: id, Due: rec.Due, Release: rec.ID, Charged: !asked.Replay, State: Running}
	switch {
	case r.State.Published(rec):
		out.State = Released
	case rec.Abandoned:
		out.State = Abandoned
	}
	return out, nil
}

// Cancel ends a client's interest in a request that is running. The charge is
// spent and the run goes on to its slot: stopping it would save nothing, throw
// away an answer that is paid for, and let a client bring a template to the
// three abandoned runs that suspend it for everybody.
func (r *Runner) Cancel(principal, id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tickets[id]
	if t == nil || t.principal != principal {
		return fmt.Errorf("%w: %s", ErrUnknownRequest, id)
	}
	t.Cancelled = true // a follower is then not handed the release
	return nil
}

// Answer gives the stored bytes of a release to a principal who may have them:
// one who asked for it or was handed it, or one who reads every release
// (regulator, steward), which the log then says of them. To all others the request does not exist.
func (r *Runner) Answer(principal, id string) ([]byte, error) {
	rec, err := r.released(principal, id)
	switch {
	case err != nil:
		return nil, err
	case rec.Catalogue == ledger.Training: // its sums are no answer, and no server stores them
		return nil, fmt.Errorf("%w: %s is of a training", ErrUnknownRequest, id)
	case rec.Deleted:
		return nil, fmt.Errorf("%w: its file was deleted, as the log says", ErrUnknownRequest)
	}
	answer, err := r.Store.Get(rec.Digest)
	if err != nil {
		return nil, err // the log says of nobody that he was given what is not there
	}
	if _, err := r.handed(context.Background(), principal, id); err != nil {
		return nil, err
	}
	return answer, nil
}

// handed gives what released gives. Whoever reads it by their role alone, and
// not because they asked, is named in the log first, once for each release.
func (r *Runner) handed(ctx context.Context, principal, id string) (ledger.Request, error) {
	rec, err := r.released(principal, id)
	if err != nil || r.State.Handed(rec.ID, principal) {
		return rec, err
	}
	if r.Ledger == nil {
		return rec, ErrUnlogged
	}
	_, err = r.Ledger.Replay(ctx, ledger.Replay{
		ID: newID(), Release: rec.Release, Principal: principal, Organisation: r.rules().Organisation(principal),
		Purpose: string(policy.ReadReleases), Request: keyed(r.Secret, "read", []byte(rec.ID)),
	})
	return rec, err
}

// retiredFor says whether an id is that of a principal's request which was to
// have somebody else's answer and got none.
func (r *Runner) retiredFor(principal, id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tickets[id]
	return t != nil && t.principal == principal && t.State == Abandoned
}

func (r *Runner) released(principal, id string) (ledger.Request, error) {
	asked, ok := r.State.Trace(id)
	rec := asked.Request
	switch {
	case !ok && r.retiredFor(principal, id):
		return rec, ErrAbandoned
	case !ok, asked.By != principal && !r.State.Handed(rec.ID, principal) && r.rules().May(principal, policy.ReadReleases) != nil:
		return rec, fmt.Errorf("%w: %s", ErrUnknownRequest, id)
	case rec.Abandoned:
		return rec, ErrAbandoned
	case !r.State.Published(rec):
		return rec, fmt.Errorf("%w: %s is not due yet", ErrUnknownRequest, id)
	}
	return rec, nil
}
