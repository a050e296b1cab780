package federated

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
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

// Status is how far a job is, for people.
type Status struct {
	Job      secagg.Hash
	Approved int // nodes
	Ready    int
	// Unapproved and Unready are the nodes that the job waits for before it begins.
	Unapproved, Unready []int
	// Waits is what nodes said that they wait for, by place: of those that are not ready,
	// and of those that do not answer an OPEN.
	Waits   map[int]string
	Round   int // from 0; the number of rounds when all are done
	Rounds  int
	Attempt uint64
	Phase   secagg.Phase
	Missing []int // nodes that the phase waits for
	Burnt   int   // attempts that were charged and gave no sum
	Done    bool
	Ended   string // why it stopped without a model
}

// Status says how far the job is.
func (c *Coordinator) Status() Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := Status{
		Job: c.job, Approved: len(c.approve), Ready: len(c.ready), Round: c.round, Rounds: c.plan.Rounds(),
		Attempt: c.attempt, Phase: c.phase, Burnt: c.burnt, Done: c.done, Ended: c.ended,
	}
	for i := range c.roster.Nodes {
		if !c.approve[i] {
			s.Unapproved = append(s.Unapproved, i)
		}
		if !c.ready[i] {
			s.Unready = append(s.Unready, i)
		}
	}
	if c.relay != nil && !c.done {
		s.Missing = c.relay.Missing(c.phase)
	}
	s.Waits = map[int]string{}
	for i, reason := range c.waits {
		if !c.ready[i] || c.phase == secagg.PhaseHello && slices.Contains(s.Missing, i) {
			s.Waits[i] = reason
		}
	}
	return s
}

func (c *Coordinator) shape() secagg.Shape {
	return secagg.Shape{Params: c.params, Nodes: len(c.roster.Nodes), Length: c.plan.Cells()}
}

// Poll is the feed from a place on: see Transport.
func (c *Coordinator) Poll(from Place) ([]Item, Place, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if from.Epoch != c.epoch || from.At < 0 || from.At > len(c.feed.items) {
		from = Place{Epoch: c.epoch}
	}
	end := min(from.At+PollItems, len(c.feed.items))
	var out []Item
	for _, it := range c.feed.items[from.At:end] {
		size, err := c.feed.size(it)
		switch {
		case c.gone(it) && errors.Is(err, os.ErrNotExist):
			it.Body, err = forgotten(), nil
		case err == nil && size <= Inline:
			it.Body, err = c.feed.body(it)
		}
		if err != nil {
			return nil, from, err
		}
		out = append(out, it)
	}
	return out, Place{c.epoch, end}, nil
}

// Fetch is the bytes of one item.
func (c *Coordinator) Fetch(at Place) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.Epoch != c.epoch || at.At < 0 || at.At >= len(c.feed.items) {
		return nil, fmt.Errorf("%w: no item %d of this epoch", ErrRefused, at.At)
	}
	it := c.feed.items[at.At]
	b, err := c.feed.body(it)
	if c.gone(it) && errors.Is(err, secagg.ErrMissing) {
		return forgotten(), nil
	}
	return b, err
}

// Tick keeps the deadlines: it opens the first attempt when all have approved and are
// ready, and a new one where a phase took too long. Call it every second or so.
func (c *Coordinator) Tick() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.roster.Nodes)
	switch {
	case c.ended != "" || c.done:
		return nil
	case len(c.approve) < n || len(c.ready) < n:
		if c.o.Now().UTC().Format(time.DateOnly) > c.o.Card.Until {
			return c.end("the job's last day has passed")
		}
		return nil
	case c.relay == nil:
		return c.begin()
	}
	if c.phase > secagg.PhaseConfirm {
		c.pause = time.Time{} // all have confirmed: the shares come in spite of it
	}
	if !c.pause.IsZero() && c.o.Now().Before(c.pause) || c.pause.IsZero() && c.o.Now().Sub(c.since) < c.limit() {
		return nil
	}
	return c.again()
}

// limit is how long the phase may take. Where a node stays away, attempts become rarer,
// down to one in 64 deadlines: their number is bounded.
func (c *Coordinator) limit() time.Duration {
	phase := time.Duration(c.o.Card.Deadlines.Phase) * time.Second
	switch {
	case c.phase >= secagg.PhaseShare:
		return time.Duration(c.o.Card.Deadlines.Share) * time.Second
	case c.phase == secagg.PhaseHello:
		return phase << min(c.idle, 6)
	}
	return phase
}

// Waits is how many share deadlines a coordinator waits for the rest to report a sum that
// somebody has. It is far more than the spares of a round last: a node that is away
// comes back to a sum that is paid for.
const Waits = 24

// again gives the attempt up and begins another: for nothing before the barrier, and
// as a burnt one after it. Once a node has the sum all can have it, from the bytes that
// are here; then there is nothing to do but wait, and not for ever.
func (c *Coordinator) again() error {
	if c.summed() {
		switch {
		case c.o.Now().UTC().Format(time.DateOnly) > c.o.Card.Until:
			return c.end("the job's last day has passed")
		case c.o.Now().Sub(c.since) >= Waits*time.Duration(c.o.Card.Deadlines.Share)*time.Second:
			return c.end("a node did not report the sum that others have")
		}
		return nil
	}
	if c.phase == secagg.PhaseHello {
		c.idle++
	} else {
		c.idle = 0
	}
	if c.relay.Complete(secagg.PhaseConfirm) {
		if c.burnt++; c.burnt > Spares {
			return c.end("the spare attempts are used up")
		}
	}
	return c.begin()
}

// summed says whether any node has reported a sum of the open round.
func (c *Coordinator) summed() bool {
	for _, a := range c.all {
		if int(a.open.Round) == c.round && len(a.relay.Missing(secagg.PhaseResult)) < len(c.roster.Nodes) {
			return true
		}
	}
	return false
}

// begin opens the next attempt.
func (c *Coordinator) begin() error {
	c.pause = time.Time{}
	if c.o.Now().UTC().Format(time.DateOnly) > c.o.Card.Until {
		return c.end("the job's last day has passed")
	}
	if c.relay != nil && int(c.open.Round) == c.round && c.relay.Complete(secagg.PhaseHello) && !c.relay.Complete(secagg.PhaseConfirm) {
		if c.lost++; c.lost >= mostLost {
			return c.end("too many attempts of a round ended before their shares")
		}
	}
	c.open = secagg.Open{
		Job: c.job, Model: c.model, Round: uint32(c.round), Attempt: c.attempt + 1, Length: uint32(c.plan.Cells()),
	}
	if err := c.load(c.attempt + 1); err != nil {
		return err
	}
	m, err := c.relay.Message(secagg.PhaseOpen, secagg.Coordinator)
	if err != nil {
		return err
	}
	store, err := openFolder(c.o.Dir, attemptName(c.attempt))
	if err != nil {
		return err
	}
	if err := store.Put("OPEN", m.Append(nil)); err != nil {
		return err
	}
	c.enter(secagg.PhaseHello)
	if err := c.feed.add(Item{Sort: SortMessage, Attempt: c.attempt, Phase: secagg.PhaseOpen, Node: secagg.Coordinator}); err != nil {
		return err
	}
	return c.forget()
}

// load makes the relay of an attempt from c.open and its folder.
func (c *Coordinator) load(n uint64) error {
	store, err := openFolder(c.o.Dir, attemptName(n))
	if err != nil {
		return err
	}
	r, err := secagg.NewRelay(c.params, c.roster, c.o.Key, c.open, store)
	if err != nil {
		return err
	}
	c.relay, c.attempt = r, n
	c.all[n] = attempt{r, c.open}
	return nil
}

func (c *Coordinator) enter(f secagg.Phase) { c.phase, c.since = f, c.o.Now() }

// end ends the job without a model.
func (c *Coordinator) end(why string) error {
	c.ended = why
	if err := c.dir.Put("ended", []byte(why)); err != nil {
		return err
	}
	return c.feed.add(Item{Sort: SortEnd})
}
