package queries

import (
	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// Rests looks at what a predicate says that its charge rested on.
func Rests(p Predicate, charge *ledger.Charge) error { return p.rests(charge) }

// Says holds a predicate to released bytes.
func Says(p Predicate, release []byte) error { return p.says(release) }

// Notes are what travels with the question's releases.
func (q *Question) Notes() []Text { return q.notes() }

// Wanted is a wish in terms of the question's measures.
func Wanted(q *Question, w dp.Want) dp.Want { return q.wanted(w) }

// Claim takes a request to where its draw is claimed and gives the release that
// was found there instead.
func (r *Runner) Claim(principal string, req Request) (release string, err error) {
	p, _, err := r.price(principal, req)
	if err != nil {
		return "", err
	}
	_, _, rel, err := r.enter(principal, p, 0, "")
	if err != nil || rel == nil {
		return "", err
	}
	return rel.ID, nil
}

// Key is the canonical key of a request.
func (r *Runner) Key(principal string, req Request) (string, error) {
	p, _, err := r.price(principal, req)
	if err != nil {
		return "", err
	}
	return p.key, nil
}

// OtherRun is somebody's run that a test ends as it likes.
type OtherRun struct{ t *ticket }

// End says that the run is over, without a release.
func (o OtherRun) End() { close(o.t.done) }

// Claimed makes an OtherRun of a request.
func (r *Runner) Claimed(principal string, req Request) (OtherRun, error) {
	p, _, err := r.price(principal, req)
	return OtherRun{&ticket{Ticket: Ticket{ID: newID(), State: Running, Charged: true}, principal: principal, priced: p, done: make(chan struct{})}}, err
}

// Follow waits for an OtherRun.
func (r *Runner) Follow(o OtherRun, principal string, req Request) (Ticket, error) {
	_, d, err := r.price(principal, req)
	if err != nil {
		return Ticket{}, err
	}
	return r.follow(o.t, principal, req, "", d)
}
