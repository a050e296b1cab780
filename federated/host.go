package federated

import (
	"cmp"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/qunxiang/qunxiang/federated/secagg"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// HostOptions say where a coordinator keeps its jobs and who it is.
type HostOptions struct {
	Dir string           // a folder for every job, named by its digest. Required.
	Key crypto.Signer    // Ed25519, the coordinator's key on every card. Required.
	Now func() time.Time // default time.Now
}

// Host is a coordinator's jobs: one [Coordinator] each, in a folder named by the card's
// digest. Jobs that are over stay, so that nodes can read their feeds to the end. It is
// safe for concurrent use.
type Host struct {
	o    HostOptions
	lock io.Closer
	mu   sync.RWMutex
	jobs map[secagg.Hash]*Coordinator
}

// OpenHost takes up every job of the folder, or begins with an empty one. ErrOptions,
// also for a folder that is not what its name says; ledger.ErrInUse while another
// process has it; or the error of the job that does not open, with its digest.
func OpenHost(o HostOptions) (*Host, error) {
	if o.Dir == "" || o.Key == nil {
		return nil, fmt.Errorf("%w: a host needs folder and key", ErrOptions)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	h := &Host{o: o, jobs: map[secagg.Hash]*Coordinator{}}
	dir, err := openFolder(o.Dir)
	if err != nil {
		return nil, err
	}
	if h.lock, err = (ledger.OS{}).Lock(dir.path("lock")); err != nil {
		return nil, err
	}
	if err := h.restore(); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

// restore opens the job of every folder that has a card. One without is of a Create
// that a crash cut off before anybody was told of the job.
func (h *Host) restore() error {
	entries, err := os.ReadDir(h.o.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		raw, err := hex.DecodeString(e.Name())
		if !e.IsDir() || err != nil || len(raw) != len(secagg.Hash{}) {
			continue
		}
		text, err := folder(h.o.Dir).Get(filepath.Join(e.Name(), "card.json"))
		if errors.Is(err, secagg.ErrMissing) {
			continue
		}
		var card *Card
		if err == nil {
			card, err = ReadCard(text)
		}
		if err == nil && secagg.Hash(raw) != secagg.Hash(sha256.Sum256(text)) {
			err = fmt.Errorf("%w: the folder has another job's card", ErrOptions)
		}
		if err == nil {
			err = h.open(secagg.Hash(raw), card)
		}
		if err != nil {
			return fmt.Errorf("job %s: %w", e.Name(), err)
		}
	}
	return nil
}

// open begins or takes up a job.
func (h *Host) open(job secagg.Hash, card *Card) error {
	if !sameKey(h.o.Key, card.Coordinator.Key) {
		return fmt.Errorf("%w: the card names another coordinator's key", ErrRefused)
	}
	c, err := OpenCoordinator(CoordinatorOptions{Dir: filepath.Join(h.o.Dir, job.String()), Card: card, Key: h.o.Key, Now: h.o.Now})
	if err != nil {
		return err
	}
	h.jobs[job] = c
	return nil
}

// Create begins the job of a card, given in its canonical JSON, and returns its digest;
// the same card again changes nothing. ErrWire or ErrCard for what is no card, ErrRefused
// for a card that names another coordinator's key.
func (h *Host) Create(text []byte) (secagg.Hash, error) {
	card, err := ReadCard(text)
	if err != nil {
		return secagg.Hash{}, err
	}
	job := secagg.Hash(sha256.Sum256(text))
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.jobs[job] != nil {
		return job, nil
	}
	if err := h.open(job, card); err != nil {
		return secagg.Hash{}, err
	}
	d, err := os.Open(h.o.Dir)
	if err != nil {
		return secagg.Hash{}, err
	}
	return job, errors.Join(d.Sync(), d.Close())
}

// Job is the coordinator of a job.
func (h *Host) Job(job secagg.Hash) (*Coordinator, bool) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	c, ok := h.jobs[job]
	return c, ok
}

// Jobs are all jobs, in the order of their digests.
func (h *Host) Jobs() []*Coordinator {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return slices.SortedFunc(maps.Values(h.jobs), func(a, b *Coordinator) int {
		return cmp.Compare(a.job.String(), b.job.String())
	})
}

// Tick keeps the deadlines of all jobs: see [Coordinator.Tick]. A job that fails does
// not keep the others from theirs.
func (h *Host) Tick() error {
	var errs error
	for _, c := range h.Jobs() {
		if err := c.Tick(); err != nil {
			errs = errors.Join(errs, fmt.Errorf("job %s: %w", c.job, err))
		}
	}
	return errs
}

// Close gives up the folders. Calls after it fail.
func (h *Host) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	err := h.lock.Close()
	for job, c := range h.jobs {
		err = errors.Join(err, c.Close())
		delete(h.jobs, job)
	}
	return err
}

// Card is the job's card; it must not be changed.
func (c *Coordinator) Card() *Card { return c.o.Card }

// MaxPosting is the length in bytes of the longest posting that can be right in the job:
// of the longest message or part that the card's parameters and roster allow.
func (c *Coordinator) MaxPosting() int {
	shape, most := c.shape(), 4<<10 // approvals and notices are shorter
	for f := secagg.PhaseHello; f <= secagg.PhaseAbort; f++ {
		most = max(most, len(secagg.Message{}.Append(nil))+shape.BodyBytes(f, 0))
	}
	for k := secagg.C0; k <= secagg.Opened; k++ {
		most = max(most, len(secagg.Part{}.Append(nil))+shape.PartBytes(k))
	}
	return most
}
