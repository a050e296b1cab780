package ledger

import (
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/qunxiang/qunxiang/dp"
)

// State is the fold of a log: what has been spent, asked and released. Its
// methods may be called from many goroutines.
type State struct {
	mu         sync.RWMutex
	population string
	size       int64 // leaves folded, durable or not
	signed     int64 // leaves under the newest checkpoint
	last       time.Time

	grant      *Grant // newest GRANT, nil before the first
	grantIndex int64
	// What approvals of the newest GRANT bind, and who may not give one; supervised only.
	grantDigest string
	askers      map[string]bool
	approvals   map[thing]map[string]*voice // by person
	history     history
	keysInForce []keyed
	audits      map[string]bool // by root
	chain       chain
	rules       int64                               // of the newest leaf that bears any
	rootOf      func(size int64) (tlog.Tree, error) // of the leaves so far

	spent      map[string]dp.Cost // by scope
	quota      map[string]int64   // rho by grant
	order      []*Request         // by charge index
	charges    map[int64]*Request // by CHARGE leaf
	releases   map[int64]*Request // by RELEASE leaf
	digests    map[string]bool    // of what was released
	ids        map[string]*Request
	replays    map[string]Trace      // by request id
	repeats    map[string][]string   // those ids, by principal, by REPLAY leaf
	handed     map[[2]string]bool    // by request id of a release, and principal
	keys       map[string][]*Request // released, by canonical key
	asked      map[[2]string]asked   // by principal and idempotency digest
	snapshots  []string
	registered map[string]*registered
	attempts   attempts
	standing   map[string]standing // by template version
	usage      map[usageKey]Usage
	reserves   []*Reservation // by RESERVE leaf
	abandoned  int64          // charges

	newestDelete int64              // leaf, -1 for none
	deletions    map[int64]Deletion // by the leaf of what was deleted
}

// standing is how often a template version was abandoned since it was last
// resumed, and whether it is suspended.
type standing struct {
	abandons  []time.Time
	suspended bool
	since     int64 // the ABANDON leaf that suspended it
}

// Request is a charge and what became of it.
type Request struct {
	Charge
	Index     int64     // of the CHARGE leaf
	Time      time.Time // of the CHARGE leaf
	Release   int64     // index of the RELEASE leaf, or -1
	Digest    string    // of the released bytes
	Abandoned bool
	Deleted   bool // its file was removed, see Delete
}

// Open says that the charge is neither released nor abandoned.
func (r Request) Open() bool { return r.Release < 0 && !r.Abandoned }

// Asked is what a principal's idempotency digest stands for.
type Asked struct {
	ID      string  // id of the principal's own request
	Digest  string  // digest of that request as asked
	Replay  bool    // it was answered from store, with Request's release
	Request Request // the charge
}

// asked is Asked as the fold keeps it.
type asked struct {
	id, digest string
	replay     bool
	charge     *Request
}

func newState(population string) *State {
	return &State{
		population: population,
		spent:      map[string]dp.Cost{},
		quota:      map[string]int64{},
		charges:    map[int64]*Request{},
		releases:   map[int64]*Request{},
		digests:    map[string]bool{},
		ids:        map[string]*Request{},
		replays:    map[string]Trace{},
		repeats:    map[string][]string{},
		handed:     map[[2]string]bool{},
		keys:       map[string][]*Request{},
		asked:      map[[2]string]asked{},
		standing:   map[string]standing{},
		usage:      map[usageKey]Usage{},
		approvals:  map[thing]map[string]*voice{},
		audits:     map[string]bool{},
		registered: map[string]*registered{},
		deletions:  map[int64]Deletion{},
		chain:      chain{link: firstLink},

		newestDelete: -1,
	}
}

// Size is the number of leaves.
func (s *State) Size() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.size
}

// Population is the population the log is kept for, its origin.
func (s *State) Population() string { return s.population }

// Spent is what has been charged to a scope, reserved charges included.
func (s *State) Spent(scope string) dp.Cost {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.spent[scope]
}

// Cap is the cap of a scope; false where there is none: before the first
// GRANT, or for a text that is not a scope of this population.
func (s *State) Cap(scope string) (dp.Cost, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.cap(scope)
}

func (s *State) cap(scope string) (dp.Cost, bool) {
	kind, ok := strings.CutPrefix(scope, s.population+"/")
	switch {
	case s.grant == nil || !ok:
		return dp.Cost{}, false
	case kind == "life":
		return s.grant.Life, true
	case isYear(kind):
		return s.grant.Year, true
	}
	return dp.Cost{}, false
}

func isYear(s string) bool {
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(s) == 4
}

// Scopes are the scopes that were ever charged, in order.
func (s *State) Scopes() []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return sortedKeys(s.spent)
}

// Quota is the rho, in 1e-12, charged under a grant so far.
func (s *State) Quota(grant string) int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.quota[grant]
}

// Find gives the releases of a canonical key that a checkpoint covers, oldest
// first. Which of them is accurate enough is for the caller to say, from Sigmas.
func (s *State) Find(key string) []Request {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var found []Request
	for _, r := range s.keys[key] {
		if r.Release < s.signed && !r.Deleted {
			found = append(found, r.copy())
		}
	}
	return found
}

// ByIdempotency gives what the principal asked under an idempotency digest,
// charged or replayed.
func (s *State) ByIdempotency(principal, digest string) (Asked, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	a, ok := s.asked[[2]string{principal, digest}]
	if !ok {
		return Asked{}, false
	}
	return Asked{ID: a.id, Digest: a.digest, Replay: a.replay, Request: a.charge.copy()}, true
}

// Requests are all charges, oldest first.
func (s *State) Requests() []Request {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]Request, len(s.order))
	for i, r := range s.order {
		all[i] = r.copy()
	}
	return all
}

// Suspended says whether a template version (id@version) awaits a RESUME.
func (s *State) Suspended(template string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.standing[template].suspended
}

// Snapshots are the snapshots logged that may be asked, oldest first: none that a DELETE
// has named.
func (s *State) Snapshots() []string {
	kept, _ := s.snapshotsBy()
	return kept
}

// DeletedSnapshots are those that a DELETE has named, oldest first.
func (s *State) DeletedSnapshots() []string {
	_, deleted := s.snapshotsBy()
	return deleted
}

func (s *State) snapshotsBy() (kept, deleted []string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, id := range s.snapshots {
		if s.registered[id].deleted {
			deleted = append(deleted, id)
		} else {
			kept = append(kept, id)
		}
	}
	return kept, deleted
}

// InForce is the newest GRANT; false before the first.
func (s *State) InForce() (Grant, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.grant == nil {
		return Grant{}, false
	}
	return s.grant.copy(), true
}
