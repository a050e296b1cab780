package federation

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/api/door"
	"github.com/qunxiang/qunxiang/federated"
)

// caller is a node whose request was admitted.
type caller struct {
	signed
	done func() // gives the place in the gate back
}

// member admits a request of a job's member: signature, card, certificate, nonce and
// fairness, in this order and before the body is read. The caller calls done.
func (h *Handler) member(w http.ResponseWriter, r *http.Request, c *federated.Coordinator) (caller, error) {
	s, err := verify(r, h.o.Now())
	if err != nil {
		return caller{}, err
	}
	name := memberOf(c.Card(), s.key)
	if name == "" {
		return caller{}, api.ErrNotMember
	}
	if err := h.certified(r, name, s.key); err != nil {
		return caller{}, err
	}
	if a, ok := w.(*answer); ok {
		a.who = name
	}
	done, err := h.gate.enter(s, h.o.Now())
	if err == nil {
		door.Known(r.Context())
		if job, err := parseJob(r.PathValue("job")); err == nil {
			h.seen.heard(job, name, h.o.Now())
		}
	}
	return caller{s, done}, err
}

// memberOf is the name of the node on the card with a key, "" for none.
func memberOf(card *federated.Card, key federated.Key) string {
	for _, n := range card.Nodes {
		if n.Key == key {
			return n.Name
		}
	}
	return ""
}

// certified holds a client certificate to the node that signs. name may be "" where the
// job is not known yet; then the enrolment's key says whose it is.
func (h *Handler) certified(r *http.Request, name string, key federated.Key) error {
	given := r.TLS != nil && len(r.TLS.VerifiedChains) > 0
	switch {
	case !given && h.o.RequireCertificate:
		return fmt.Errorf("%w: one is required here", api.ErrClientCertificate)
	case !given:
		return nil
	case h.o.Authority == nil || !h.o.Authority.holds(r.TLS.VerifiedChains[0][0], name, key):
		return fmt.Errorf("%w: it is another node's, or no longer enrolled", api.ErrClientCertificate)
	}
	return nil
}

// gate keeps nodes from crowding each other out, and remembers nonces. It knows members
// only, so that its size is bounded by the cards.
type gate struct {
	most  int
	mu    sync.Mutex
	nodes map[federated.Key]*visitor
}

func newGate(most int) gate { return gate{most: most, nodes: map[federated.Key]*visitor{}} }

// maxNonces is how many requests one node may make within a Window: 218 a second.
const maxNonces = 1 << 16

// visitor is what the gate knows of a node: how many of its requests are being served,
// and the nonces of this span of two Windows and the one before, which together hold
// every nonce that could still be replayed.
type visitor struct {
	open      int
	span      int64
	now, last map[[nonceBytes]byte]bool
}

// enter takes a place, until done is called. api.ErrTooFast, or api.ErrRequestSignature
// for a nonce that was used.
func (g *gate) enter(s signed, now time.Time) (done func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	v := g.nodes[s.key]
	if v == nil {
		v = &visitor{now: map[[nonceBytes]byte]bool{}}
		g.nodes[s.key] = v
	}
	switch span := now.UnixNano() / int64(2*Window); {
	case span == v.span+1:
		v.span, v.last, v.now = span, v.now, map[[nonceBytes]byte]bool{}
	case span != v.span:
		v.span, v.last, v.now = span, nil, map[[nonceBytes]byte]bool{}
	}
	switch {
	case v.now[s.nonce] || v.last[s.nonce]:
		return nil, fmt.Errorf("%w: the request was made before", api.ErrRequestSignature)
	case v.open >= g.most || len(v.now) >= 2*maxNonces:
		return nil, api.ErrTooFast
	}
	v.now[s.nonce] = true
	v.open++
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		v.open--
	}, nil
}

// times are how long a request's body may take on its way.
type times struct {
	posting time.Duration // of a member or the administrator: 0.74 MB at 50 kbit/s
	small   time.Duration // of an enrolment, which anybody may send
	refused time.Duration // what is left of a body that nobody reads
}

func defaultTimes() times { return times{2 * time.Minute, 15 * time.Second, 2 * time.Second} }

// readWithin gives a request so long for its body.
func (h *Handler) readWithin(w http.ResponseWriter, d time.Duration) {
	// A recorder in place of a connection has no deadlines.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(d))
}
