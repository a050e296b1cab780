package secagg

import "fmt"

// Input gives the numbers to be summed, of the opened length and each at most
// Params.MaxAbs in absolute value (ErrRange otherwise, and the attempt goes on),
// and encrypts them under the key of all nodes. It is called once, in CTCOM.
func (a *Attempt) Input(values []int64) (err error) {
	defer border(&err, a.end)
	switch {
	case a.closed != nil:
		return a.shut()
	case a.phase != PhaseCTCom || a.own[PhaseCTCom] != nil:
		return fmt.Errorf("%w: input in %v", ErrOrder, a.phase)
	case len(values) != int(a.open.Length):
		return fmt.Errorf("%w: %d values for %d", ErrRange, len(values), a.open.Length)
	}
	p, nodes := a.o.Params, a.board.shape.Nodes
	for i, v := range values {
		if limit := p.MaxAbs(nodes); v > limit || v < -limit {
			return fmt.Errorf("%w: the value at %d is beyond %d", ErrRange, i, limit)
		}
	}
	body := make([]byte, 0, 64*a.chunks())
	plain := make([]uint64, p.degree()*p.tables.words)
	for k := range a.chunks() {
		part := values[k*p.Capacity() : min(len(values), (k+1)*p.Capacity())]
		if err := a.encryptChunk(k, part, plain); err != nil {
			return a.end(err)
		}
		for kind := range a.ct {
			h := commitPart(a.ctx, Kind(kind), a.o.Self, k, a.ct[kind][k])
			body = append(body, h[:]...)
		}
	}
	clear(plain)
	clear(a.pads) // never needed again
	if err := a.say(PhaseCTCom, a.ctx, body); err != nil {
		return a.end(err)
	}
	if err := a.advance(); err != nil {
		return a.end(err)
	}
	return nil
}

// encryptChunk packs, pads and encrypts one chunk; plain is scratch.
func (a *Attempt) encryptChunk(k int, values []int64, plain []uint64) error {
	p, nodes := a.o.Params, a.board.shape.Nodes
	if err := p.pack(values, p.checkValue(a.ctx, k, nodes), nodes, plain); err != nil {
		return err
	}
	for j := range a.pads {
		if j == a.o.Self {
			continue
		}
		if err := p.addPad(a.pads[j], k, j < a.o.Self, plain); err != nil {
			return err
		}
	}
	c0, c1, err := a.lat.encrypt(plain)
	if err != nil {
		return err
	}
	a.ct[C0], a.ct[C1] = append(a.ct[C0], c0), append(a.ct[C1], c1)
	return nil
}

// Part is a half of this node's own ciphertext, from phase CT on; every node's
// commitments are in by then.
func (a *Attempt) Part(kind Kind, chunk int) (Part, error) {
	switch {
	case a.closed != nil:
		return Part{}, a.shut()
	case a.phase < PhaseCT || kind > C1 || chunk < 0 || chunk >= a.chunks():
		return Part{}, fmt.Errorf("%w: part %d of chunk %d in %v", ErrOrder, kind, chunk, a.phase)
	}
	return Part{kind, a.o.Self, chunk, a.ct[kind][chunk]}, nil
}

// ReceivePart takes a node's c1 in phase CT, in any order; it is added at once and
// not kept. A part that does not open its commitment is refused (ErrCommitment)
// and changes nothing: the coordinator may have garbled it.
func (a *Attempt) ReceivePart(p Part) (err error) {
	defer border(&err, a.end)
	switch {
	case a.closed != nil:
		return a.shut()
	case a.phase < PhaseCT || p.Kind != C1:
		return fmt.Errorf("%w: part %d in %v", ErrOrder, p.Kind, a.phase)
	}
	if err := a.board.shape.checkPart(p); err != nil {
		return err
	}
	if err := a.addC1(p); err != nil {
		return err
	}
	if err := a.advance(); err != nil {
		return a.end(err)
	}
	return nil
}

func (a *Attempt) addC1(p Part) error {
	if commitPart(a.ctx, C1, p.Node, p.Chunk, p.Body) != a.commits[C1][p.Node][p.Chunk] {
		return fmt.Errorf("%w: c1 of node %d, chunk %d", ErrCommitment, p.Node, p.Chunk)
	}
	if a.got[p.Node][p.Chunk] {
		return nil
	}
	if err := a.o.Params.addPoly(p.Body, a.sums[p.Chunk], a.scratch); err != nil {
		return a.end(fmt.Errorf("node %d: %w", p.Node, err)) // committed to, so its own fault
	}
	a.got[p.Node][p.Chunk] = true
	return nil
}
