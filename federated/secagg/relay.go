package secagg

import (
	"crypto"
	"errors"
	"fmt"
)

// Store keeps what a Relay collects. Get of a name that is not there is
// ErrMissing.
type Store interface {
	Put(name string, b []byte) error
	Get(name string) ([]byte, error)
}

// Memory is a Store in memory.
type Memory map[string][]byte

// Put keeps a copy of b.
func (s Memory) Put(name string, b []byte) error {
	s[name] = append([]byte(nil), b...)
	return nil
}

// Get returns what was put.
func (s Memory) Get(name string) ([]byte, error) {
	if b, ok := s[name]; ok {
		return b, nil
	}
	return nil, fmt.Errorf("%w: %s", ErrMissing, name)
}

// Relay is the coordinator's side of one attempt: it collects messages and parts
// and hands them on when a phase is complete. It holds no secret, and nothing
// depends on its honesty. In memory it keeps statements and commitments, 96 bytes
// per node and chunk; the bytes go to the Store: per node one key share,
// and per node and chunk c0, c1 and a sealed share. It is not safe for concurrent use.
type Relay struct {
	board     board
	open      Message
	ctx0, ctx Hash
	store     Store
	commits   [3][][]Hash // of C0, C1 and Sealed, by node and chunk
}

// NewRelay signs the OPEN of an attempt and takes up whatever the store holds of
// it already: after a crash the same bytes are served on.
func NewRelay(p *Params, roster Roster, key crypto.Signer, what Open, store Store) (*Relay, error) {
	if p == nil || key == nil || store == nil {
		return nil, fmt.Errorf("%w: no parameters, key or store", ErrOptions)
	}
	if err := roster.Check(); err != nil {
		return nil, err
	}
	if what.Length == 0 || p.Chunks(int(what.Length)) > MaxChunks {
		return nil, fmt.Errorf("%w: a vector of %d", ErrOptions, what.Length)
	}
	shape := Shape{p, len(roster.Nodes), int(what.Length)}
	r := &Relay{board: newBoard(shape, roster), store: store}
	r.ctx0 = what.Context0(p.ID(), roster.Digest())
	for i := range r.commits {
		r.commits[i] = make([][]Hash, shape.Nodes)
	}
	var err error
	if r.open, err = sign(key, PhaseOpen, what.openContext(), Coordinator, what.body(p.ID(), roster.Digest())); err != nil {
		return nil, err
	}
	if err := r.open.Verify(roster); err != nil {
		return nil, err
	}
	return r, r.restore()
}

func messageName(f Phase, node int) string { return fmt.Sprintf("%v-%d", f, node) }

func partName(k Kind, node, chunk int) string { return fmt.Sprintf("part-%d-%d-%d", k, node, chunk) }

func (r *Relay) restore() error {
	for f := PhaseHello; int(f) < phases; f++ {
		for i := range r.board.shape.Nodes {
			b, err := r.store.Get(messageName(f, i))
			if errors.Is(err, ErrMissing) {
				continue
			}
			if err != nil {
				return err
			}
			m, err := r.board.shape.ParseMessage(b)
			if err != nil {
				return err
			}
			if _, err := r.admit(m); err != nil {
				return err
			}
		}
	}
	return nil
}

// admit checks a message's phase and context and puts it on the board.
func (r *Relay) admit(m Message) (fresh bool, err error) {
	ctx := r.ctx
	switch {
	case m.Phase == PhaseHello, m.Phase == PhaseAbort && m.Context == r.ctx0:
		ctx = r.ctx0
	case m.Phase == PhaseOpen || int(m.Phase) >= phases:
		return false, fmt.Errorf("%w: %v", ErrOrder, m.Phase)
	case m.Phase != PhaseAbort && !r.Complete(m.Phase-1):
		return false, fmt.Errorf("%w: %v before all %v", ErrOrder, m.Phase, m.Phase-1)
	}
	if fresh, err = r.board.admit(m, ctx); err != nil || !fresh {
		return fresh, err
	}
	if m.Phase == PhaseHello && r.Complete(PhaseHello) {
		r.ctx = contextOf(r.ctx0, r.board.digest(PhaseHello))
	}
	switch m.Phase {
	case PhaseCTCom:
		for b := m.Body; len(b) > 0; b = b[64:] {
			r.commits[C0][m.Node] = append(r.commits[C0][m.Node], Hash(b[:32]))
			r.commits[C1][m.Node] = append(r.commits[C1][m.Node], Hash(b[32:64]))
		}
	case PhaseShare:
		for b := m.Body[wrapBytes*r.board.shape.Nodes:]; len(b) > 0; b = b[32:] {
			r.commits[Sealed][m.Node] = append(r.commits[Sealed][m.Node], Hash(b[:32]))
		}
	}
	return true, nil
}

// Put takes a node's message. A resend of the same is nil, a second differing one
// an [Evidence], of which the first stands.
func (r *Relay) Put(m Message) error {
	fresh, err := r.admit(m)
	if err != nil || !fresh {
		return err
	}
	return r.store.Put(messageName(m.Phase, m.Node), m.Append(nil))
}

// Complete says whether all nodes' messages of a phase are in.
func (r *Relay) Complete(f Phase) bool {
	return f == PhaseOpen || len(r.board.missing(f)) == 0
}

// Missing lists the nodes not heard in a phase.
func (r *Relay) Missing(f Phase) []int { return r.board.missing(f) }

// Message is a node's stored message, or OPEN. Up to CONFIRM it is ErrMissing
// until the phase is complete, so that nobody's message depends on another's.
func (r *Relay) Message(f Phase, node int) (Message, error) {
	switch {
	case f == PhaseOpen:
		return r.open, nil
	case int(f) >= phases || node < 0 || node >= r.board.shape.Nodes:
		return Message{}, fmt.Errorf("%w: %v of node %d", ErrOrder, f, node)
	case f <= PhaseConfirm && !r.Complete(f):
		return Message{}, fmt.Errorf("%w: %v of nodes %v", ErrMissing, f, r.Missing(f))
	}
	b, err := r.store.Get(messageName(f, node))
	if err != nil {
		return Message{}, err
	}
	return r.board.shape.ParseMessage(b)
}

// PutPart takes a node's ciphertext half when all have committed, and its sealed
// share after its SHARE.
func (r *Relay) PutPart(p Part) error {
	if err := r.board.shape.checkPart(p); err != nil {
		return err
	}
	switch {
	case p.Kind == Opened, !r.Complete(PhaseCTCom), r.commits[p.Kind][p.Node] == nil:
		return fmt.Errorf("%w: part %d", ErrOrder, p.Kind)
	case commitPart(r.ctx, p.Kind, p.Node, p.Chunk, p.Body) != r.commits[p.Kind][p.Node][p.Chunk]:
		return fmt.Errorf("%w: part %d of node %d, chunk %d", ErrCommitment, p.Kind, p.Node, p.Chunk)
	}
	return r.store.Put(partName(p.Kind, p.Node, p.Chunk), p.Append(nil))
}

// Part is a stored part. c0 is handed out only when all have confirmed.
func (r *Relay) Part(k Kind, node, chunk int) (Part, error) {
	if k != C1 && !r.Complete(PhaseConfirm) {
		return Part{}, fmt.Errorf("%w: part %d before the barrier", ErrOrder, k)
	}
	b, err := r.store.Get(partName(k, node, chunk))
	if err != nil {
		return Part{}, err
	}
	return r.board.shape.ParsePart(b)
}
