package queries

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// State is where a request stands.
type State string

// The states of a request. Running says nothing about how far: that is data.
const (
	Running   State = "running"
	Released  State = "released"
	Abandoned State = "abandoned"
)

// Ticket is what a client holds while it waits.
type Ticket struct {
	ID      string    `json:"id"`
	State   State     `json:"state"`
	Due     time.Time `json:"due"`     // when the answer comes, never earlier
	Release string    `json:"release"` // request id whose release answers this one
	Charged bool      `json:"charged"` // false: a stored release answers, at no cost
	// Cancelled says that its client does not wait for it any more. What was charged is
	// answered all the same; what was to have somebody else's answer gets none.
	Cancelled bool `json:"cancelled,omitempty"`
}

// ticket is a Ticket this process is working on.
type ticket struct {
	Ticket
	principal   string
	priced      *priced
	idempotency string        // digest of the key, "" for none
	admitted    chan struct{} // closed when charged or refused
	refused     error         // set before admitted closes
	done        chan struct{} // closed when refused, released or abandoned
	cancel      context.CancelFunc
	request     string // of a follower: digest of its request
}

// Ask authorises, prices and charges a request and starts its run; a stored
// release that is at least as accurate answers at once and free. Whatever error
// it returns, nothing was charged.
func (r *Runner) Ask(ctx context.Context, principal string, req Request, idempotency string) (Ticket, error) {
	if r.Ledger == nil || r.Answerer == nil || r.Store == nil {
		return Ticket{}, errors.New("queries: this runner only estimates")
	}
	p, d, err := r.price(principal, req)
	if err != nil {
		r.deny(ctx, principal, req, err)
		return Ticket{}, err
	}
	if err := p.checkEmpty(req.AllowEmpty); err != nil {
		return Ticket{}, err
	}
	if err := p.order.at(r.Epoch(r.Now()), [16]byte{}); err != nil {
		return Ticket{}, err
	}
	if err := r.Store.Ready(); err != nil {
		return Ticket{}, fmt.Errorf("%w: answers cannot be kept: %w", ErrNoEngine, err)
	}
	if err := r.Answerer.Check(ctx, p.order); errors.Is(err, ErrNoEngine) {
		return Ticket{}, err
	} else if err != nil {
		return Ticket{}, fmt.Errorf("%w: %s: %w", ErrTemplate, p.Template.Ref(), err)
	}
	for {
		if t, found, err := r.again(principal, req, idempotency); found || err != nil {
			return t, err
		}
		own, other, rel, err := r.enter(principal, p, req.MaxRho, r.idempotency(principal, idempotency))
		if err != nil {
			return Ticket{}, err
		}
		if rel != nil {
			return r.replay(ctx, principal, req, idempotency, d, *rel)
		}
		if own == nil && !other.Charged {
			return r.repeated(other, req)
		}
		if own == nil {
			if err := waitFor(ctx, other.admitted); err != nil {
				return Ticket{}, err
			}
			if other.refused != nil {
				continue // it may have been refused for a reason of its own
			}
			if idempotency != "" && other.idempotency == r.idempotency(principal, idempotency) {
				continue // the log knows the key by now
			}
			return r.follow(other, principal, req, idempotency, d)
		}
		if err := r.charge(ctx, own, req, idempotency, d); err != nil {
			r.leave(own, err)
			if errors.Is(err, ledger.ErrDuplicate) && idempotency != "" {
				continue // its first use was logged meanwhile
			}
			r.deny(ctx, principal, req, err)
			return Ticket{}, err
		}
		close(own.admitted)
		r.mu.Lock()
		defer r.mu.Unlock()
		return own.Ticket, nil // the run may have ended already
	}
}

// enter claims a question for a new draw, unless one that is at least as
// accurate is stored or already on its way: then the caller waits for that and
// has it free. Whoever agreed to less than the price has what is their own and else
// nothing: whether others have asked the same is not to be found out by offering little.
// The same idempotency key waits for its first use. The store is
// looked at under the lock: a run leaves the tickets after it is in the store,
// so that it is always seen in one of them.
func (r *Runner) enter(principal string, p *priced, agreed float64, idempotency string) (own, other *ticket, rel *ledger.Request, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t := r.under(idempotency); t != nil {
		return nil, t, nil, nil
	}
	dear := p.checkPrice(agreed)
	if rel, ok := r.stored(p); ok && (dear == nil || r.State.Handed(rel.ID, principal)) {
		return nil, nil, &rel, nil
	}
	if dear != nil {
		return nil, nil, nil, dear
	}
	for _, t := range r.tickets {
		if !t.Charged || t.State != Running {
			continue
		}
		if t.priced.key == p.key && t.priced.plan.AtLeastAsAccurate(p.plan) {
			return nil, t, nil, nil
		}
	}
	if err := r.crowded(principal); err != nil {
		return nil, nil, nil, err
	}
	if r.working >= r.MaxRuns {
		return nil, nil, nil, ErrBusy
	}
	r.working++
	own = &ticket{
		Ticket:    Ticket{ID: newID(), State: Running, Charged: true},
		principal: principal, priced: p, idempotency: idempotency,
		admitted: make(chan struct{}), done: make(chan struct{}),
	}
	own.Release = own.ID
	r.tickets[own.ID] = own
	return own, nil, nil, nil
}

// under gives the ticket of a principal's idempotency digest, or nil.
func (r *Runner) under(idempotency string) *ticket {
	if idempotency == "" {
		return nil
	}
	for _, t := range r.tickets {
		if t.idempotency == idempotency {
			return t
		}
	}
	return nil
}

// repeated gives a follower's ticket again to whoever sends its idempotency key again.
func (r *Runner) repeated(t *ticket, req Request) (Ticket, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t.request != req.digest(r.Secret) {
		return Ticket{}, ErrIdempotency
	}
	return t.Ticket, nil
}

func (r *Runner) leave(t *ticket, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t.refused = err
	r.working--
	delete(r.tickets, t.ID)
	close(t.admitted)
	close(t.done)
}

// follow gives a ticket for an answer that is already on its way to somebody:
// when it is released, or one that is more accurate, the log says that this
// principal has it too, for nothing.
func (r *Runner) follow(other *ticket, principal string, req Request, idempotency string, d policy.Decision) (Ticket, error) {
	t := &ticket{
		Ticket:    Ticket{ID: newID(), State: Running, Due: other.Due, Release: other.ID},
		principal: principal, idempotency: r.idempotency(principal, idempotency), request: req.digest(r.Secret),
		done: make(chan struct{}), cancel: func() {},
	}
	r.mu.Lock()
	if first := r.under(t.idempotency); first != nil && !first.Charged {
		r.mu.Unlock()
		return r.repeated(first, req)
	}
	if err := r.crowded(principal); err != nil {
		r.mu.Unlock()
		return Ticket{}, err
	}
	r.tickets[t.ID] = t
	out := t.Ticket
	r.mu.Unlock()
	r.running.Go(func() {
		<-other.done
		r.mu.Lock()
		wanted := !t.Cancelled
		r.mu.Unlock()
		state, release := Abandoned, other.ID
		if rel, ok := r.stored(other.priced); ok && wanted {
			if _, err := r.logReplay(context.Background(), t.ID, principal, req, idempotency, d, rel); err == nil {
				state, release = Released, rel.ID
			}
		}
		r.mu.Lock()
		t.State, t.Release = state, release
		r.retire(t)
		r.mu.Unlock()
		close(t.done)
	})
	return out, nil
}

// maxRetired is how many tickets of followers that got nothing are remembered.
const maxRetired = 4096

// retire forgets a follower's ticket where the log knows it, and keeps the
// newest of the others: of those nobody else can say that they ended.
func (r *Runner) retire(t *ticket) {
	if t.State == Released {
		delete(r.tickets, t.ID)
		return
	}
	r.retired = append(r.retired, t.ID)
	if len(r.retired) > maxRetired {
		delete(r.tickets, r.retired[0])
		r.retired = slices.Clone(r.retired[1:])
	}
}

// charge makes the cost durable and only then starts the run.
func (r *Runner) charge(ctx context.Context, t *ticket, req Request, idempotency string, d policy.Decision) error {
	p, now, slot := t.priced, r.Now(), r.rules().Slot()
	t.Due = now.Add(slot + time.Second - 1).Truncate(time.Second).UTC()
	// A leaf may bear a time to come, of a clock that was wrong: the slot is then
	// counted from there, because the log's time never goes back.
	if due := r.Ledger.Now().Add(slot); due.After(t.Due) {
		t.Due = due
	}
	if p.policy < 0 {
		return ledger.ErrPolicy
	}
	at := now // the leaf's time, where that is later
	if last := r.Ledger.Now(); last.After(at) {
		at = last
	}
	epoch := r.Epoch(at)
	if err := p.order.at(epoch, saltOf(r.Secret, t.ID)); err != nil {
		return err
	}
	index, err := r.Ledger.Charge(ctx, ledger.Charge{
		ID: t.ID, Principal: t.principal, Organisation: r.rules().Organisation(t.principal), Grant: d.Grant.ID,
		Purpose: d.Purpose, Template: p.Template.Ref(), Catalogue: p.Template.Catalogue,
		TemplateDigest: p.Template.Digest(), Key: p.key, Snapshot: p.Job.Snapshot, Epoch: epoch,
		Scopes: p.scopes, Cost: p.plan.Cost(), Sigmas: p.plan.Sigmas(), Due: t.Due,
		Idempotency: r.idempotency(t.principal, idempotency), Request: req.digest(r.Secret), Policy: p.policy,
	})
	if err != nil {
		return err
	}
	run, cancel := context.WithTimeout(r.ctx, slot-margin(slot))
	t.cancel = cancel
	r.running.Add(1)
	go r.run(run, t, index, d.Purpose)
	return nil
}

// margin is kept between the end of a run and its slot, so that a run that just
// makes it still writes its answer in time.
func margin(slot time.Duration) time.Duration { return slot / 10 }

func waitFor(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// again finds the request an idempotency key was first used for.
func (r *Runner) again(principal string, req Request, idempotency string) (Ticket, bool, error) {
	if idempotency == "" {
		return Ticket{}, false, nil
	}
	asked, ok := r.State.ByIdempotency(principal, r.idempotency(principal, idempotency))
	if !ok {
		return Ticket{}, false, nil
	}
	if asked.Digest != req.digest(r.Secret) {
		return Ticket{}, true, ErrIdempotency
	}
	t, err := r.Status(principal, asked.ID)
	return t, true, err
}

func (r *Runner) idempotency(principal, key string) string {
	if key == "" {
		return ""
	}
	return keyed(r.Secret, "idempotency", []byte(principal+"\x00"+key))
}

// stored finds a release under the same canonical key that is at least as
// accurate in every measure.
func (r *Runner) stored(p *priced) (ledger.Request, bool) {
	for _, rel := range r.State.Find(p.key) {
		if dp.AtLeastAsAccurate(rel.Sigmas, p.plan.Sigmas()) {
			return rel, true
		}
	}
	return ledger.Request{}, false
}

// replay hands out a stored release.
func (r *Runner) replay(ctx context.Context, principal string, req Request, idempotency string, d policy.Decision, rel ledger.Request) (Ticket, error) {
	id := newID()
	_, err := r.logReplay(ctx, id, principal, req, idempotency, d, rel)
	if err != nil {
		return Ticket{}, err
	}
	return Ticket{ID: id, State: Released, Due: rel.Due, Release: rel.ID}, nil
}

func (r *Runner) logReplay(ctx context.Context, id, principal string, req Request, idempotency string, d policy.Decision, rel ledger.Request) (int64, error) {
	if !r.mayLog(principal) {
		return 0, ErrTooFast
	}
	return r.Ledger.Replay(ctx, ledger.Replay{
		ID: id, Release: rel.Release, Grant: d.Grant.ID, Principal: principal, Organisation: r.rules().Organisation(principal),
		Purpose: d.Purpose, Idempotency: r.idempotency(principal, idempotency), Request: req.digest(r.Secret),
	})
}

// deny logs a refusal that names a rule of policy or a budget. A request that
// was not understood leaves no leaf, and of refusals without end not all do: anyone
// could fill the log with those.
func (r *Runner) deny(ctx context.Context, principal string, req Request, err error) {
	rule, grant := "", ""
	var refusal *policy.Refusal
	switch {
	case errors.As(err, &refusal):
		rule, grant = refusal.Rule, refusal.Grant
	case errors.Is(err, ledger.ErrBudget):
		rule = "budget"
	case errors.Is(err, ledger.ErrSuspended):
		rule = "suspended"
	case errors.Is(err, ledger.ErrApproval):
		rule = "approval"
	}
	t, found := r.Catalog.Find(req.Template)
	if rule == "" || found != nil || r.rules().Organisation(principal) == "" || !r.mayLog(principal) {
		return
	}
	// The refusal stands whether or not it could be logged; a ledger that
	// cannot write has stopped the process already.
	_, _ = r.Ledger.Deny(ctx, ledger.Deny{
		Principal: principal, Organisation: r.rules().Organisation(principal), Grant: grant, Template: t.Ref(), Rule: rule,
	})
}

// Wait blocks until a request of this principal is released or abandoned.
func (r *Runner) Wait(ctx context.Context, principal, id string) (Ticket, error) {
	r.mu.Lock()
	t := r.tickets[id]
	r.mu.Unlock()
	if t == nil || t.principal != principal {
		return r.Status(principal, id)
	}
	if err := waitFor(ctx, t.done); err != nil {
		return Ticket{}, fmt.Errorf("waiting for %s: %w", id, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return t.Ticket, nil
}
