package federated

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/qunxiang/qunxiang/federated/secagg"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// attempt is a secure sum as the coordinator keeps it.
type attempt struct {
	relay *secagg.Relay
	open  secagg.Open
}

// CoordinatorOptions say what a coordinator works on.
type CoordinatorOptions struct {
	Dir  string // the job's folder. Required.
	Card *Card  // Required
	Key  crypto.Signer
	Now  func() time.Time // default time.Now
}

// Coordinator relays one job. It holds no secret and no part in a sum; what it can do
// at worst is to withhold. Its folder holds what it relays: card, approvals, notices,
// and every attempt's messages and parts, from which it goes on after a crash with the
// same bytes. It is safe for concurrent use.
type Coordinator struct {
	mu     sync.Mutex
	o      CoordinatorOptions
	job    secagg.Hash
	roster secagg.Roster
	params *secagg.Params
	plan   trainer
	dir    folder
	lock   io.Closer
	feed   *feed

	relay   *secagg.Relay // of the newest attempt; nil before the first
	attempt uint64
	open    secagg.Open
	phase   secagg.Phase // the phase that is waited for
	since   time.Time    // when it began
	all     map[uint64]attempt
	epoch   uint64
	burnt   int
	idle    int         // attempts in a row that not all answered
	aborts  int         // attempts of the round that a node aborted
	pause   time.Time   // after an abort, until when no attempt is opened; or zero
	lost    int         // attempts of the round that all answered and that gave no share
	model   secagg.Hash // digest of the model the next round starts from
	round   int         // next, or being made
	ready   map[int]bool
	approve map[int]bool
	waits   map[int]string // what nodes said that they wait for
	ended   string         // reason, or "" while it goes on
	done    bool
}

// OpenCoordinator begins a job in an empty folder, or goes on with the one there.
// ErrOptions for another job's folder; ledger.ErrInUse while another process has it.
func OpenCoordinator(o CoordinatorOptions) (*Coordinator, error) {
	if o.Dir == "" || o.Card == nil || o.Key == nil {
		return nil, fmt.Errorf("%w: a coordinator needs folder, card and key", ErrOptions)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Coordinator{o: o, roster: o.Card.Roster(), all: map[uint64]attempt{}, epoch: rand.Uint64(), ready: map[int]bool{}, approve: map[int]bool{}, waits: map[int]string{}}
	var err error
	if c.job, err = o.Card.Digest(); err != nil {
		return nil, err
	}
	if c.plan, c.params, err = o.Card.trainer(); err != nil {
		return nil, err
	}
	if c.dir, err = openFolder(o.Dir); err != nil {
		return nil, err
	}
	if c.lock, err = (ledger.OS{}).Lock(c.dir.path("lock")); err != nil {
		return nil, err
	}
	c.model = c.plan.Start().Hash()
	if err = c.sameCard(); err == nil {
		c.feed, err = openFeed(c.dir)
	}
	if err == nil {
		err = c.restore()
	}
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Close gives up the folder. Calls after it fail.
func (c *Coordinator) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.lock.Close()
	if c.feed != nil {
		err = errors.Join(err, c.feed.file.Close())
	}
	return err
}

// sameCard keeps the card, or refuses a folder of another.
func (c *Coordinator) sameCard() error {
	text, err := c.o.Card.JSON()
	if err != nil {
		return err
	}
	switch old, err := c.dir.Get("card.json"); {
	case errors.Is(err, secagg.ErrMissing):
		return c.dir.Put("card.json", text)
	case err != nil:
		return err
	case string(old) != string(text):
		return fmt.Errorf("%w: the folder is another job's", ErrOptions)
	}
	return nil
}

func (c *Coordinator) shape() secagg.Shape {
	return secagg.Shape{Params: c.params, Nodes: len(c.roster.Nodes), Length: c.plan.Cells()}
}
