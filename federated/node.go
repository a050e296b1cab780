package federated

import (
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/federated/journal"
	"github.com/qunxiang/qunxiang/federated/secagg"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// NodeOptions are what a node knows by itself. Nothing in it comes from the
// coordinator.
type NodeOptions struct {
	Dir       string // the job's folder at this node. Required.
	Card      *Card  // as the owner read and approved it. Required.
	Name      string // own name on the card. Required.
	Key       crypto.Signer
	Approval  Approval // of the own owner. Required.
	Transport Transport
	Books     Books
	// Rows reads the snapshot's rows for the card's contract. It is called once when
	// the node opens the job, and the rows are checked before anything is sent.
	Rows   func(context.Context) ([]glm.Row, error)
	Limits Limits
	// Log is told, in words, what happens: nothing of the data. Default: nobody is.
	Log func(text string)
	Now func() time.Time // default time.Now
	FS  ledger.FS        // of the journal; default ledger.OS

	unprotected func(trainer) trainer // tests only: noise and clipping off
}

// Node is one party's side of one job. It believes its card and its own computation,
// and takes from the coordinator nothing but delivery. Drive it by calling Step. It is
// not safe for concurrent use.
type Node struct {
	o       NodeOptions
	job     secagg.Hash
	self    int
	roster  secagg.Roster
	params  *secagg.Params
	plan    trainer // as on the card: prices and noise
	work    trainer // what computes; the same but in tests
	whole   dp.Cost
	data    *glm.Data
	dir     folder
	journal *journal.Journal

	at       Place     // in the feed
	out      []Posting // to be posted, in order
	approved map[int]bool
	round    int
	beta     glm.Coefficients
	results  map[uint64]secagg.Hash
	deferred *secagg.Message // an OPEN outside the windows

	try  *try   // the newest, before or after the barrier
	past []*try // earlier ones of the round that crossed it and may still give the sum
	done bool
	fit  *glm.Fit // of a regression that is done
	stop string
}

// try is an attempt, before or after the barrier.
type try struct {
	number  uint64
	store   folder
	since   time.Time // of the phase
	phase   secagg.Phase
	posted  map[secagg.Phase]bool
	seen    bool // ledgers compared
	input   bool // given
	attempt *secagg.Attempt
	end     *secagg.Combination
	sum     []int64
	next    glm.Coefficients
	fit     *glm.Fit
	shares  map[int]bool
	spoiled bool
}

// OpenNode opens a job at a node: it checks card, approval, limits, room in the
// ledger and the data, and goes on where a crash left it. ErrOptions, ErrApproval,
// ErrLimit, ErrSnapshot, ErrRefused, glm.ErrContract, or the journal's errors. A job
// that has stopped opens, and says so at the first Step.
func OpenNode(ctx context.Context, o NodeOptions) (*Node, error) {
	if o.Dir == "" || o.Card == nil || o.Key == nil || o.Transport == nil || o.Books == nil || o.Rows == nil {
		return nil, fmt.Errorf("%w: a node needs folder, card, key, transport, books and rows", ErrOptions)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = func(string) {}
	}
	n := &Node{o: o, self: o.Card.Place(o.Name), roster: o.Card.Roster(), approved: map[int]bool{}, results: map[uint64]secagg.Hash{}}
	if n.self < 0 || !sameKey(o.Key, o.Card.Nodes[n.self].Key) {
		return nil, fmt.Errorf("%w: the key is not that of %q on the card", ErrOptions, o.Name)
	}
	if o.Approval.Node != o.Name {
		return nil, fmt.Errorf("%w: the approval is another node's", ErrApproval)
	}
	if err := o.Approval.Verify(o.Card); err != nil {
		return nil, err
	}
	if err := n.compile(); err != nil {
		return nil, err
	}
	if err := n.files(); err != nil {
		return nil, err
	}
	if err := n.restore(ctx); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func sameKey(s crypto.Signer, k Key) bool {
	p, ok := s.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && p.Equal(k.Public())
}

// compile makes everything that follows from the card.
func (n *Node) compile() (err error) {
	if n.job, err = n.o.Card.Digest(); err != nil {
		return err
	}
	if n.plan, n.params, err = n.o.Card.trainer(); err != nil {
		return err
	}
	n.work = n.plan
	if n.o.unprotected != nil {
		n.work = n.o.unprotected(n.plan)
	}
	n.beta = n.work.Start()
	n.whole, err = wholeCost(n.plan)
	return err
}

// files opens the folder, which is this job's or empty.
func (n *Node) files() (err error) {
	if n.dir, err = openFolder(n.o.Dir); err != nil {
		return err
	}
	text, err := n.o.Card.JSON()
	if err != nil {
		return err
	}
	switch old, err := n.dir.Get("card.json"); {
	case errors.Is(err, secagg.ErrMissing):
		return n.dir.Put("card.json", text)
	case err != nil:
		return err
	case string(old) != string(text):
		return fmt.Errorf("%w: the folder is another job's", ErrOptions)
	}
	return nil
}

// restore opens the journal against the ledger, recomputes the closed rounds, and
// takes up a share that was issued for the open one.
func (n *Node) restore(ctx context.Context) error {
	mark, err := n.o.Books.Mark(ctx)
	if err != nil {
		return err
	}
	n.journal, err = journal.Open(journal.Options{
		Dir: n.dir.path("journal"), Job: n.job, Nodes: len(n.roster.Nodes), FS: n.o.FS,
		Charged: n.o.Books.Charged(n.job), Ledger: mark,
	})
	if err != nil {
		return err
	}
	if why, err := n.dir.Get("stopped"); err == nil {
		n.stop = string(why)
		return n.say(NoticeStopped, n.stop)
	}
	if err := n.replay(); err != nil || n.done {
		return err
	}
	if err := n.preflight(ctx); err != nil || n.stop != "" {
		return err
	}
	return n.resume()
}

// preflight checks limits, ledger and data, and says so. What fails here on the data
// is told by the field's name alone.
func (n *Node) preflight(ctx context.Context) error {
	if len(n.journal.Issued()) == 0 {
		if err := n.o.Limits.allow(n.whole, n.o.Books.Others(n.job)); err != nil {
			return err
		}
		if err := n.o.Books.Room(ctx, n.o.Card.Job, n.o.Card.Purpose, n.whole); err != nil {
			return err
		}
	}
	rows, err := n.o.Rows(ctx)
	if err != nil {
		return err
	}
	n.data, err = n.work.NewData(rows)
	var field *glm.FieldError
	if errors.As(err, &field) {
		if err := n.halt("the data break the contract in " + field.Field); err != nil {
			return err
		}
		return n.say(NoticeRefused, field.Field)
	}
	if err != nil {
		return err
	}
	return n.greet()
}

// greet sends what every coordinator of the job must have: it may have been put back to
// an earlier time.
func (n *Node) greet() error {
	b, err := canonical(n.o.Approval)
	if err != nil {
		return err
	}
	n.post(SortApproval, 0, b)
	return n.say(NoticeReady, "")
}

// say queues a notice.
func (n *Node) say(kind, text string) error {
	word, err := makeNotice(n.job, n.o.Name, kind, text, n.o.Key)
	if err != nil {
		return err
	}
	b, err := canonical(word)
	n.post(SortNotice, 0, b)
	return err
}

func (n *Node) post(s Sort, attempt uint64, b []byte) {
	n.out = append(n.out, Posting{s, attempt, b})
}

// Stop ends the job at this node for good, with a reason that the others are told.
// Nothing leaves from here on but the notice.
func (n *Node) Stop(reason string) error {
	if n.stop != "" || n.done {
		return nil
	}
	n.out = nil
	if err := n.halt(reason); err != nil {
		return err
	}
	return n.say(NoticeStopped, n.stop)
}

// halt stops without a word.
func (n *Node) halt(reason string) error {
	if !plain(reason, 200) {
		reason = "other"
	}
	if n.try != nil && n.try.attempt != nil && n.try.attempt.Err() == nil {
		if m, err := n.try.attempt.Abort(0); err == nil {
			n.post(SortMessage, n.try.number, m.Append(nil))
		}
	}
	n.o.Log("stopped: " + reason)
	n.stop, n.try, n.past, n.data, n.deferred = reason, nil, nil, nil, nil
	return n.dir.Put("stopped", []byte(reason))
}

// Close gives up the folder, and with it the keys of an attempt before the barrier.
func (n *Node) Close() error {
	if n.try != nil && n.try.attempt != nil {
		_, _ = n.try.attempt.Abort(0)
	}
	if n.journal == nil {
		return nil
	}
	return n.journal.Close()
}

// Step does one short turn: it sends what is to be sent, reads what is new, and does
// what follows. progress is false when there was nothing to do. ErrStopped is final;
// after ErrRefused or a failed disk the node has to be opened again; after any other
// error call it again later.
func (n *Node) Step(ctx context.Context) (progress bool, err error) {
	sent, err := n.flush(ctx)
	if err != nil {
		return sent, err
	}
	if err := n.o.Books.Settle(ctx, n.job, n.results); err != nil {
		return sent, err
	}
	if n.stop != "" {
		return sent, fmt.Errorf("%w: %s", ErrStopped, n.stop)
	}
	if n.done {
		return sent, nil
	}
	items, next, err := n.o.Transport.Poll(ctx, n.at)
	if err != nil {
		return sent, err
	}
	if next.Epoch != n.at.Epoch {
		if n.at.Epoch != 0 {
			if err := n.resend(); err != nil {
				return sent, err
			}
		}
		n.at = Place{Epoch: next.Epoch}
	}
	for _, it := range items {
		if err := n.handle(ctx, it); err != nil {
			return true, err
		}
		n.at.At++
		if err := n.act(ctx); err != nil {
			return true, err
		}
		if n.stop != "" || n.done {
			return true, nil
		}
	}
	if err := n.act(ctx); err != nil {
		return true, err
	}
	return sent || len(items) > 0 || len(n.out) > 0, n.tick()
}

// resend queues everything again that a coordinator which was started anew, perhaps
// from an old copy, may lack. What it has, it takes as the same.
func (n *Node) resend() error {
	n.out = nil
	if n.stop != "" {
		return n.say(NoticeStopped, n.stop)
	}
	if err := n.greet(); err != nil {
		return err
	}
	for _, t := range n.tries() {
		t.posted = map[secagg.Phase]bool{}
		if t.end == nil {
			continue // speak says the phase's message again
		}
		if err := n.share(t); err != nil {
			return err
		}
		if t.sum != nil {
			m, err := t.end.Result(t.next.Hash())
			if err != nil {
				return err
			}
			if err := n.sendMessage(t, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush posts what is queued, in order.
func (n *Node) flush(ctx context.Context) (sent bool, err error) {
	for len(n.out) > 0 {
		err := n.o.Transport.Post(ctx, n.out[0])
		if err != nil && !refusal(err) {
			return sent, err
		}
		n.out, sent = n.out[1:], true
	}
	return sent, nil
}

// refusal says that a posting will not be taken however often it is sent.
func refusal(err error) bool {
	for _, e := range []error{
		ErrRefused, ErrApproval, ErrWire, secagg.ErrEvidence, secagg.ErrContext, secagg.ErrOrder,
		secagg.ErrWire, secagg.ErrRoster, secagg.ErrSignature, secagg.ErrCommitment,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// Done says whether all rounds are closed.
func (n *Node) Done() bool { return n.done }

// Model is the fit of a finished regression, nil before.
func (n *Node) Model() *glm.Fit { return n.fit }

// State is the model as it stands: of a finished job the final one.
func (n *Node) State() glm.Coefficients { return slices.Clone(n.beta) }

// Stopped is why the job stopped here, "" while it goes on.
func (n *Node) Stopped() string { return n.stop }

// Round is the round being made, from 0.
func (n *Node) Round() int { return n.round }

// NodeStatus is how far a job is at a node, for people.
type NodeStatus struct {
	Job      secagg.Hash
	Approved int // owners whose approvals this node has verified
	Round    int // from 0; the number of rounds when all are closed
	Rounds   int
	Attempt  uint64 // the highest seen
	Phase    secagg.Phase
	Shares   int // issued and charged
	Done     bool
	Stopped  string
}

// Status says how far the job is.
func (n *Node) Status() NodeStatus {
	s := NodeStatus{
		Job: n.job, Approved: len(n.approved), Round: n.round, Rounds: n.plan.Rounds(), Attempt: n.journal.Highest(),
		Shares: len(n.journal.Issued()), Done: n.done, Stopped: n.stop,
	}
	switch {
	case n.try != nil && n.try.attempt != nil:
		s.Phase = n.try.attempt.Phase()
	case n.try != nil:
		s.Phase = secagg.PhaseShare
	}
	return s
}

// Issued are the attempts for which this node made a share, and charged.
func (n *Node) Issued() []uint64 { return n.journal.Issued() }

// model is what a node keeps of a finished job.
type model struct {
	Job          string   `json:"job"`
	Attempts     []uint64 `json:"attempts"`     // that closed the rounds
	Names        []string `json:"names"`        // none for a network
	Coefficients []int64  `json:"coefficients"` // units of 2^-40
	Fit          *glm.Fit `json:"fit"`          // null for a network
}

func (m model) bytes() ([]byte, error) { return json.MarshalIndent(m, "", " ") }
