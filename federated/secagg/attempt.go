package secagg

import (
	"crypto"
	"crypto/ecdh"
	"crypto/rand"
	"fmt"

	"github.com/tuneinsight/lattigo/v6/ring"
)

// Options is what a node knows by itself when an attempt begins: nothing here
// comes from the coordinator.
type Options struct {
	Params *Params
	Roster Roster // from the approved job card
	Self   int    // own place on it
	Key    crypto.Signer
	// Expect is the job, model, round and length this node expects; its Attempt is
	// not looked at.
	Expect Open
	// Highest is the highest attempt of this job ever seen (0 for none), from
	// durable storage: the attempt opened must be higher.
	Highest uint64
	Ledger  Mark   // of the own ledger
	Seen    []Mark // the last known ledger mark of each node, from durable storage; may be nil
}

// Attempt is one node's part of one secure sum, up to the barrier. It checks
// everything itself and trusts the coordinator with nothing but delivery. It
// does not outlive its process: the secret key exists in memory only. It keeps its
// own ciphertexts, one sum and one share, all in the vector's length, and of the
// peers' only commitments: memory does not grow with the roster but by 128 bytes
// per node and chunk. It is not safe for concurrent use.
type Attempt struct {
	o      Options
	open   Open
	board  board
	phase  Phase
	closed error

	ctx0, ctx, root Hash
	own             [phases]*Message
	hellos          []hello
	padSecret       *ecdh.PrivateKey
	sealSecret      *ecdh.PrivateKey
	pads            []Hash
	lat             *lattice
	keys            []Hash      // KEYCOM
	commits         [2][][]Hash // C0 and C1, by node and chunk
	ct              [2][][]byte // own, by chunk
	sums            []ring.Poly // C1 by chunk
	scratch         ring.Poly
	got             [][]bool // c1 by node and chunk
	shares          [][]byte // own, by chunk
	confirmed       [][]Hash // share hashes by node and chunk
}

// Begin checks an OPEN and makes this node's HELLO: fresh ephemeral keys and a
// nonce. A refused OPEN leaves nothing behind.
func Begin(o Options, open Message) (a *Attempt, err error) {
	defer border(&err, nil)
	if err := o.check(); err != nil {
		return nil, err
	}
	what, err := o.checkOpen(open)
	if err != nil {
		return nil, err
	}
	shape := Shape{o.Params, len(o.Roster.Nodes), int(what.Length)}
	a = &Attempt{o: o, open: what, board: newBoard(shape, o.Roster), phase: PhaseHello}
	a.ctx0 = what.Context0(o.Params.ID(), o.Roster.Digest())
	a.hellos = make([]hello, shape.Nodes)
	var h hello
	if h, a.padSecret, a.sealSecret, err = ephemeral(o.Ledger); err != nil {
		return nil, err
	}
	if err := a.say(PhaseHello, a.ctx0, h.body()); err != nil {
		return nil, err
	}
	return a, nil
}

func (o Options) check() error {
	if err := o.identity(); err != nil {
		return err
	}
	if o.Seen != nil && len(o.Seen) != len(o.Roster.Nodes) {
		return fmt.Errorf("%w: %d ledger marks, %d nodes", ErrOptions, len(o.Seen), len(o.Roster.Nodes))
	}
	if o.Expect.Length == 0 || o.Params.Chunks(int(o.Expect.Length)) > MaxChunks {
		return fmt.Errorf("%w: a vector of %d", ErrOptions, o.Expect.Length)
	}
	return nil
}

// identity checks who this node is.
func (o Options) identity() error {
	if o.Params == nil || o.Key == nil {
		return fmt.Errorf("%w: no parameters or key", ErrOptions)
	}
	if err := o.Roster.Check(); err != nil {
		return err
	}
	if o.Self < 0 || o.Self >= len(o.Roster.Nodes) {
		return fmt.Errorf("%w: place %d of %d", ErrOptions, o.Self, len(o.Roster.Nodes))
	}
	if pub, ok := o.Key.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !pub.Equal(o.Roster.Nodes[o.Self].Key) {
		return fmt.Errorf("%w: the key is not the roster's", ErrOptions)
	}
	return nil
}

// checkOpen compares an OPEN with what this node expects.
func (o Options) checkOpen(m Message) (Open, error) {
	open, params, roster, err := ParseOpen(m)
	if err != nil {
		return Open{}, err
	}
	want := o.Expect
	want.Attempt = open.Attempt
	switch {
	case open != want || params != o.Params.ID() || roster != o.Roster.Digest():
		return Open{}, fmt.Errorf("%w: another job, parameters, roster, round, model or length", ErrOpen)
	case open.Attempt <= o.Highest:
		return Open{}, fmt.Errorf("%w: attempt %d after %d", ErrOpen, open.Attempt, o.Highest)
	case m.Node != Coordinator || m.Context != open.openContext():
		return Open{}, fmt.Errorf("%w: not the coordinator's context", ErrContext)
	}
	if err := (Shape{o.Params, len(o.Roster.Nodes), int(open.Length)}).check(m); err != nil {
		return Open{}, err
	}
	return open, m.Verify(o.Roster)
}

// say signs this node's message of a phase and puts it on the board.
func (a *Attempt) say(f Phase, ctx Hash, body []byte) error {
	m, err := sign(a.o.Key, f, ctx, a.o.Self, body)
	if err != nil {
		return err
	}
	if _, err := a.board.admit(m, ctx); err != nil {
		return err
	}
	a.own[f] = &m
	return a.take(m)
}

// Phase is the phase whose messages the attempt waits for; PhaseShare once the
// barrier can be crossed.
func (a *Attempt) Phase() Phase { return a.phase }

// Err is why the attempt ended, or nil.
func (a *Attempt) Err() error { return a.closed }

// Message is this node's message of the current phase, the same bytes however
// often it is asked for. It is ErrMissing in CTCOM before Input, and ErrOrder
// after CONFIRM.
func (a *Attempt) Message() (Message, error) {
	switch {
	case a.closed != nil:
		return Message{}, a.shut()
	case a.phase > PhaseConfirm:
		return Message{}, fmt.Errorf("%w: the share leaves only by Cross", ErrOrder)
	case a.own[a.phase] == nil:
		return Message{}, fmt.Errorf("%w: no input yet", ErrMissing)
	}
	return *a.own[a.phase], nil
}

// Missing lists the nodes whose message, or c1, of the current phase is missing.
func (a *Attempt) Missing() []int {
	nodes := a.board.missing(a.phase)
	if a.phase == PhaseCT {
		nodes = nil
		for i := range a.got {
			if a.board.said[PhaseCT][i] == nil || !all(a.got[i]) {
				nodes = append(nodes, i)
			}
		}
	}
	return nodes
}

// Receive takes a message of any node, this one's echo included. When the last of
// a phase is in, its checks run and the next phase begins. Messages that are not
// valid (ErrRoster, ErrContext, ErrWire, ErrSignature, ErrOrder) are refused and
// change nothing; a valid message with wrong content, a second differing one (an
// [Evidence]) and an ABORT end the attempt and wipe the key.
func (a *Attempt) Receive(m Message) (err error) {
	defer border(&err, a.end)
	if a.closed != nil {
		return a.shut()
	}
	ctx := a.ctx
	switch {
	case m.Phase == PhaseHello, m.Phase == PhaseAbort && m.Context == a.ctx0:
		ctx = a.ctx0
	case m.Phase == PhaseAbort && a.phase > PhaseHello:
	case m.Phase == PhaseOpen || m.Phase > a.phase || m.Phase > PhaseConfirm:
		return fmt.Errorf("%w: %v in %v", ErrOrder, m.Phase, a.phase)
	}
	if m.Phase < PhaseAbort && a.own[m.Phase] == nil {
		return fmt.Errorf("%w: own %v first", ErrOrder, m.Phase)
	}
	fresh, err := a.board.admit(m, ctx)
	if evidence, ok := err.(*Evidence); ok {
		return a.end(evidence)
	}
	if err != nil || !fresh {
		return err
	}
	if m.Phase == PhaseAbort {
		return a.end(fmt.Errorf("%w: node %d", ErrAborted, m.Node))
	}
	if err := a.take(m); err != nil {
		return a.end(err)
	}
	if err := a.advance(); err != nil {
		return a.end(err)
	}
	return nil
}

// Abort wipes the key and makes the signed ABORT, with a reason code that the
// caller defines. Before Cross nobody can decrypt without this node's share.
func (a *Attempt) Abort(reason byte) (Message, error) {
	if a.closed != nil {
		return Message{}, a.shut()
	}
	ctx := a.ctx
	if a.phase == PhaseHello {
		ctx = a.ctx0
	}
	_ = a.end(fmt.Errorf("%w: this node", ErrAborted))
	return sign(a.o.Key, PhaseAbort, ctx, a.o.Self, []byte{reason})
}

// end closes the attempt and wipes what must not outlive it.
func (a *Attempt) end(why error) error {
	if a.closed == nil {
		a.closed = why
	}
	a.lat.wipe()
	for _, s := range a.shares {
		clear(s)
	}
	clear(a.pads)
	a.lat, a.shares, a.pads, a.padSecret, a.sealSecret = nil, nil, nil, nil, nil
	a.ct, a.own[PhaseKeyOpen] = [2][][]byte{}, nil
	return why
}

func (a *Attempt) shut() error { return fmt.Errorf("%w: %w", ErrClosed, a.closed) }

func all(list []bool) bool {
	for _, ok := range list {
		if !ok {
			return false
		}
	}
	return true
}

// randomHash draws 32 random bytes.
func randomHash() (h Hash, err error) {
	if _, err := rand.Read(h[:]); err != nil {
		return h, fmt.Errorf("%w: %v", ErrInternal, err)
	}
	return h, nil
}
