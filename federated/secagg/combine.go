package secagg

import (
	"crypto/ecdh"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/tuneinsight/lattigo/v6/ring"
)

// Combination is a node's part after the barrier: it sends the journalled share,
// as stored and as often as asked, takes everybody's, and makes the sum. It holds
// no secret key. It is not safe for concurrent use.
type Combination struct {
	o      Options
	r      record
	board  board
	seal   *ecdh.PrivateKey
	sealed [][]Hash    // hashes of the sealed shares, by node and chunk
	keys   []*Hash     // which open them
	got    [2][][]bool // c0 and share, by node and chunk
	totals []ring.Poly // by chunk
	tmp    ring.Poly
	sum    []int64
	result *Message
}

// Resume makes the Combination of a journalled record, after a crash too. Of the
// options it uses Params, Roster, Self and Key. The own share is already in; the
// own c0 comes back from the coordinator like everybody's.
func Resume(o Options, rec []byte) (c *Combination, err error) {
	defer border(&err, nil)
	if err := o.identity(); err != nil {
		return nil, err
	}
	r, shape, err := parseRecord(o.Params, o.Roster, o.Self, slices.Clone(rec))
	if err != nil {
		return nil, err
	}
	c = &Combination{o: o, r: r, board: newBoard(shape, o.Roster)}
	c.sealed, c.keys = make([][]Hash, shape.Nodes), make([]*Hash, shape.Nodes)
	if c.seal, err = ecdh.X25519().NewPrivateKey(r.sealSecret[:]); err != nil {
		return nil, fmt.Errorf("%w: record: %v", ErrWire, err)
	}
	chunks := o.Params.Chunks(shape.Length)
	for range shape.Nodes {
		c.got[0], c.got[1] = append(c.got[0], make([]bool, chunks)), append(c.got[1], make([]bool, chunks))
	}
	for range chunks {
		c.totals = append(c.totals, o.Params.ring.NewPoly())
	}
	c.tmp = o.Params.ring.NewPoly()
	if err := c.Receive(r.share); err != nil {
		return nil, err
	}
	for k, sealed := range r.sealed {
		if err := c.ReceivePart(Part{Sealed, o.Self, k, sealed}); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Open is what the attempt was about.
func (c *Combination) Open() Open { return c.r.open }

// Root is the transcript root that all nodes confirmed.
func (c *Combination) Root() Hash { return c.r.root }

// Share is this node's SHARE, as journalled.
func (c *Combination) Share() Message { return c.r.share }

// Part is a sealed chunk of this node's share, as journalled.
func (c *Combination) Part(chunk int) (Part, error) {
	if chunk < 0 || chunk >= len(c.r.sealed) {
		return Part{}, fmt.Errorf("%w: chunk %d", ErrOrder, chunk)
	}
	return Part{Sealed, c.o.Self, chunk, c.r.sealed[chunk]}, nil
}

// Receive takes a SHARE or RESULT. A SHARE whose key does not open for this node
// is ErrShare; other nodes may still hand over its shares Opened. A RESULT that
// differs from this node's own is ErrResult: the job stops.
func (c *Combination) Receive(m Message) error {
	switch {
	case m.Phase != PhaseShare && m.Phase != PhaseResult:
		return fmt.Errorf("%w: %v after the barrier", ErrOrder, m.Phase)
	case m.Phase == PhaseResult && c.result == nil:
		return fmt.Errorf("%w: own RESULT first", ErrOrder)
	}
	fresh, err := c.board.admit(m, c.r.ctx)
	if err != nil || !fresh {
		return err
	}
	if m.Phase == PhaseResult {
		if m.Payload != c.result.Payload {
			return fmt.Errorf("%w: node %d", ErrResult, m.Node)
		}
		return nil
	}
	for b := m.Body[wrapBytes*c.board.shape.Nodes:]; len(b) > 0; b = b[32:] {
		c.sealed[m.Node] = append(c.sealed[m.Node], Hash(b[:32]))
	}
	kek, err := derive(c.seal, c.r.seals[m.Node], c.r.ctx, "wrap", m.Node, c.o.Self)
	if err != nil {
		return err
	}
	key, err := unwrap(kek, m.Body[wrapBytes*c.o.Self:][:wrapBytes])
	if err != nil {
		return fmt.Errorf("node %d: %w", m.Node, err)
	}
	c.keys[m.Node] = &key
	return nil
}

// OpenShare opens a sealed share and checks that it is the confirmed one. The
// Opened part is what transcripts and other nodes take.
func (c *Combination) OpenShare(p Part) (Part, error) {
	if err := c.board.shape.checkPart(p); err != nil {
		return Part{}, err
	}
	switch {
	case p.Kind != Sealed:
		return Part{}, fmt.Errorf("%w: part %d is not sealed", ErrOrder, p.Kind)
	case c.keys[p.Node] == nil:
		return Part{}, fmt.Errorf("%w: no key for node %d", ErrMissing, p.Node)
	case commitPart(c.r.ctx, Sealed, p.Node, p.Chunk, p.Body) != c.sealed[p.Node][p.Chunk]:
		return Part{}, fmt.Errorf("%w: sealed share of node %d, chunk %d", ErrCommitment, p.Node, p.Chunk)
	}
	share, err := openPart(*c.keys[p.Node], c.r.ctx, p.Node, p.Chunk, p.Body)
	if err != nil {
		return Part{}, err
	}
	p = Part{Opened, p.Node, p.Chunk, share}
	return p, c.confirmed(p)
}

func (c *Combination) confirmed(p Part) error {
	if commitPart(c.r.ctx, Opened, p.Node, p.Chunk, p.Body) != c.r.shares[p.Node][p.Chunk] {
		return fmt.Errorf("%w: chunk %d of node %d", ErrShare, p.Chunk, p.Node)
	}
	return nil
}

// ReceivePart takes a node's c0, sealed share or opened share, in any order; it
// is added at once and not kept. A part that is not the committed one is refused
// (ErrCommitment, ErrShare) and changes nothing.
func (c *Combination) ReceivePart(p Part) (err error) {
	defer border(&err, nil)
	if err := c.board.shape.checkPart(p); err != nil {
		return err
	}
	half := 1
	switch p.Kind {
	case C0:
		half = 0
		if commitPart(c.r.ctx, C0, p.Node, p.Chunk, p.Body) != c.r.c0[p.Node][p.Chunk] {
			return fmt.Errorf("%w: c0 of node %d, chunk %d", ErrCommitment, p.Node, p.Chunk)
		}
	case Sealed:
		if p, err = c.OpenShare(p); err != nil {
			return err
		}
	case Opened:
		if err := c.confirmed(p); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%w: part %d after the barrier", ErrOrder, p.Kind)
	}
	if c.got[half][p.Node][p.Chunk] {
		return nil
	}
	if err := c.o.Params.addPoly(p.Body, c.totals[p.Chunk], c.tmp); err != nil {
		return fmt.Errorf("node %d: %w", p.Node, err)
	}
	c.got[half][p.Node][p.Chunk] = true
	return nil
}

// Missing lists the nodes of which a c0 or share is missing.
func (c *Combination) Missing() (nodes []int) {
	for i := range c.got[0] {
		if !all(c.got[0][i]) || !all(c.got[1][i]) {
			nodes = append(nodes, i)
		}
	}
	return nodes
}

// Sum decodes the sum of all nodes' numbers, exactly. It is ErrMissing before
// every c0 and share is in, and ErrSpoiled if check slot, spare slots or noise
// show that some node sent a wrong one.
func (c *Combination) Sum() (sum []int64, err error) {
	defer border(&err, nil)
	if missing := c.Missing(); len(missing) > 0 {
		return nil, fmt.Errorf("%w: parts of nodes %v", ErrMissing, missing)
	}
	if c.sum == nil {
		values := make([]int64, c.r.open.Length)
		for k, total := range c.totals {
			if err := c.o.Params.decodeChunk(c.r.ctx, k, c.board.shape.Nodes, total, values); err != nil {
				return nil, fmt.Errorf("chunk %d: %w", k, err)
			}
		}
		c.sum = values
	}
	return slices.Clone(c.sum), nil
}

// decodeChunk decodes the total of one chunk into its place in values.
func (p *Params) decodeChunk(ctx Hash, k, nodes int, total ring.Poly, values []int64) error {
	m := make([]uint64, p.degree()*p.tables.words)
	if err := p.decode(total, nodes, m); err != nil {
		return err
	}
	part := values[k*p.Capacity() : min(len(values), (k+1)*p.Capacity())]
	return p.unpack(m, p.checkValue(ctx, k, nodes), nodes, part)
}

// SumDigest is the hash of a sum that RESULT carries.
func SumDigest(ctx Hash, sum []int64) Hash {
	b := make([]byte, 0, 8*len(sum))
	for _, v := range sum {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return hash("sum", ctx[:], b)
}

// Result makes this node's RESULT from its sum and the digest of the next model:
// the same message however often it is asked for; another digest is ErrOrder.
func (c *Combination) Result(next Hash) (Message, error) {
	if c.sum == nil {
		return Message{}, fmt.Errorf("%w: no sum yet", ErrMissing)
	}
	h := SumDigest(c.r.ctx, c.sum)
	m, err := sign(c.o.Key, PhaseResult, c.r.ctx, c.o.Self, append(h[:], next[:]...))
	if err != nil {
		return Message{}, err
	}
	if c.result != nil && c.result.Payload != m.Payload {
		return Message{}, fmt.Errorf("%w: another result was signed", ErrOrder)
	}
	c.result = &m
	_, err = c.board.admit(m, c.r.ctx)
	return m, err
}

// Agreed says whether every node has reported this node's result.
func (c *Combination) Agreed() bool {
	for _, s := range c.board.said[PhaseResult] {
		if s == nil || c.result == nil || s.Payload != c.result.Payload {
			return false
		}
	}
	return true
}
