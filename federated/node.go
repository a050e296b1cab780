package federated

import (
	"context"
	"crypto"
	"errors"
	"fmt"
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
	// Rows reads the snapshot's rows for the card's contract, without those whose
	// opt-outs are in force. It is called when the node opens the job, and again where an
	// attempt begins in a later epoch; the rows are checked before anything is sent.
	Rows func(context.Context) ([]glm.Row, error)
	// Epoch is the opt-out epoch in force now, which Rows keeps to and charges name. It
	// never goes back. A ledger takes none of before the day on which the job set aside.
	// Default: the day of Now in China Standard Time, for rows from which nobody opts out.
	Epoch  func() int64
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
	epoch   int64 // of the data
	dir     folder
	journal *journal.Journal

	at       Place       // in the feed
	early    []Posting   // what the coordinator takes in a later phase
	owes     bool        // everything again, to a coordinator that was started anew
	resent   []time.Time // when that was done of late
	out      []Posting   // to be posted, in order
	approved map[int]bool
	round    int
	beta     glm.Coefficients
	results  map[uint64]secagg.Hash
	pace     time.Duration   // of answers that need the rows
	silent   time.Time       // until when nothing is sent or asked for
	deferred *secagg.Message // an OPEN outside the windows or beyond the limits
	waits    string          // for what, "" for nothing
	refused  bool            // an OPEN was since the last attempt, and the log says so

	try  *try   // the newest, before or after the barrier
	past []*try // earlier ones of the round that crossed it and may still give the sum
	done bool
	fit  *glm.Fit // of a regression that is done
	stop string

	lost  []lost    // items after the barrier that came garbled, in order
	again time.Time // when they are asked for, and the own share posted, again; or zero

	echoes map[uint64]*echo // of attempts that closed rounds, in the feed of this epoch

	failure error // of a file of the job; what is in memory may be ahead of the disk
}

// try is an attempt, before or after the barrier.
type try struct {
	number  uint64
	store   folder
	since   time.Time // of the phase
	phase   secagg.Phase
	posted  map[secagg.Phase]bool
	seen    bool    // ledgers compared
	input   bool    // given
	values  []int64 // worked out from the rows, until they are given
	attempt *secagg.Attempt
	end     *secagg.Combination
	sum     []int64
	next    glm.Coefficients
	fit     *glm.Fit
	spoiled bool
	refused bool         // something was, and the log says so
	echoed  map[int]bool // chunks of the own share that are in the feed
}

// OpenNode opens a job at a node: it checks card, approval and limits, sets the job's
// whole cost aside in the ledger, checks the data, and goes on where a crash left it. ErrOptions, ErrApproval,
// ErrLimit, ErrSnapshot, ErrRefused, or the journal's errors. A job that has stopped
// opens, and so does one whose data break the contract: the first Step tells the others
// which field it is, and is ErrStopped.
func OpenNode(ctx context.Context, o NodeOptions) (*Node, error) {
	if o.Dir == "" || o.Card == nil || o.Key == nil || o.Transport == nil || o.Books == nil || o.Rows == nil {
		return nil, fmt.Errorf("%w: a node needs folder, card, key, transport, books and rows", ErrOptions)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Epoch == nil {
		o.Epoch = dayOf(o.Now)
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
	n.beta, n.pace = n.work.Start(), n.o.Card.pace(n.plan.Cells())
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
		if err := n.dir.Put("card.json", text); err != nil {
			return err
		}
	case err != nil:
		return err
	case string(old) != string(text):
		return fmt.Errorf("%w: the folder is another job's", ErrOptions)
	}
	// Whose folder it is, for who verifies it. The card may have been there before.
	switch old, err := n.dir.Get("node"); {
	case errors.Is(err, secagg.ErrMissing):
		return n.dir.Put("node", []byte(n.o.Name))
	case err != nil:
		return err
	case string(old) != n.o.Name:
		return fmt.Errorf("%w: the folder is another node's", ErrOptions)
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
	charged := n.o.Books.Charged(n.job)
	if err := n.accounted(charged); err != nil { // before the journal wipes anything
		return err
	}
	n.journal, err = journal.Open(journal.Options{
		Dir: n.dir.path("journal"), Job: n.job, Nodes: len(n.roster.Nodes), FS: n.o.FS,
		Charged: charged, Ledger: mark, Grown: n.o.Books.Grown,
	})
	if err != nil {
		return err
	}
	if err := n.sweep(); err != nil {
		return err
	}
	if err := n.lineage(ctx); err != nil { // a crash may have come after a charge
		return err
	}
	if why, err := n.dir.Get("stopped"); err == nil {
		n.stop = string(why)
		if err := n.o.Books.CloseJob(ctx, n.job); err != nil { // a crash may have come before it
			return err
		}
		return n.say(NoticeStopped, n.stop)
	}
	if err := n.replay(ctx); err != nil || n.done {
		return err
	}
	if err := n.preflight(ctx); err != nil || n.stop != "" {
		return err
	}
	return n.resume()
}

// preflight checks limits, ledger and data, and says so. The job's whole cost is set
// aside before any data is touched. What fails here on the data is told by the field's
// name alone.
func (n *Node) preflight(ctx context.Context) error {
	if err := n.admit(ctx, n.o.Books.Reserve); err != nil {
		return err
	}
	if err := n.pin(); err != nil {
		return err
	}
	from := n.o.Now()
	err := n.reread(ctx)
	n.silence(from)
	if err != nil || n.stop != "" {
		return err
	}
	return n.greet()
}

// pin keeps what the job is charged on at its first open, and refuses to go on with
// anything else: rounds on different people would be no fit, and a difference of sums
// besides. The card names the feature template, and the folder keeps to the card.
func (n *Node) pin() error {
	now, err := canonical(n.o.Books.Basis())
	if err != nil {
		return err
	}
	switch first, err := n.dir.Get("basis.json"); {
	case errors.Is(err, secagg.ErrMissing):
		return n.dir.Put("basis.json", now)
	case err != nil:
		return err
	case string(first) != string(now):
		return fmt.Errorf("%w: the job began on another snapshot or other scopes", ErrRefused)
	}
	return nil
}

// reread reads the rows; where they break the contract the job stops, and the others
// are told.
func (n *Node) reread(ctx context.Context) error {
	err := n.read(ctx)
	var field *glm.FieldError
	if !errors.As(err, &field) {
		return err
	}
	if err := n.halt("the data break the contract in " + field.Field); err != nil {
		return err
	}
	return n.say(NoticeRefused, field.Field)
}

// Stop ends the job at this node for good, with a reason that the others are told.
// Nothing leaves from here on but the notice.
func (n *Node) Stop(reason string) error {
	if n.stop != "" || n.done {
		return nil
	}
	n.out, n.early = nil, nil
	if err := n.halt(reason); err != nil {
		return n.kept(err)
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
	if err := n.lineage(context.Background()); err != nil {
		n.o.Log(fmt.Sprintf("the proof of a charge comes when the job is opened again: %v", err))
	}
	n.o.Log("stopped: " + reason)
	if n.try != nil {
		n.try.forget()
	}
	n.stop, n.try, n.past, n.data, n.deferred, n.early = reason, nil, nil, nil, nil, nil
	if err := n.dir.Put("stopped", []byte(reason)); err != nil {
		return err
	}
	return n.o.Books.CloseJob(context.Background(), n.job)
}

// Close gives up the folder, and with it the keys of an attempt before the barrier.
func (n *Node) Close() error {
	if n.try != nil && n.try.attempt != nil {
		_, _ = n.try.attempt.Abort(0)
		n.try.forget()
	}
	if n.journal == nil {
		return nil
	}
	return n.journal.Close()
}
