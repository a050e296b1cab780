package secagg

import "fmt"

// take reads one admitted message's content. Its errors blame the sender, who
// signed it.
func (a *Attempt) take(m Message) error {
	switch m.Phase {
	case PhaseHello:
		return a.takeHello(m.Node, m.Body)
	case PhaseKeyCom:
		a.keys[m.Node] = Hash(m.Body)
	case PhaseKeyOpen:
		return a.takeKey(m.Node, m.Body)
	case PhaseCTCom:
		for k := range a.sums {
			a.commits[C0][m.Node][k] = Hash(m.Body[64*k:][:32])
			a.commits[C1][m.Node][k] = Hash(m.Body[64*k+32:][:32])
		}
	case PhaseCT:
		if Hash(m.Body) != a.uploaded(m.Node) {
			return fmt.Errorf("%w: node %d uploaded other ciphertexts", ErrCommitment, m.Node)
		}
	case PhaseConfirm:
		if Hash(m.Body[:32]) != a.root {
			return fmt.Errorf("%w: node %d", ErrRoot, m.Node)
		}
		for k := range a.sums {
			a.confirmed[m.Node][k] = Hash(m.Body[32+32*k:][:32])
		}
	}
	return nil
}

func (a *Attempt) takeHello(node int, body []byte) error {
	h := parseHello(body)
	if node != a.o.Self && a.o.Seen != nil {
		if err := h.ledger.follows(a.o.Seen[node]); err != nil {
			return fmt.Errorf("node %d: %w", node, err)
		}
	}
	a.hellos[node] = h
	return nil
}

// takeKey opens a key share and adds it: each node makes the common key itself.
func (a *Attempt) takeKey(node int, body []byte) error {
	n := a.o.Params.PolyBytes()
	if commitKey(a.ctx, node, body[:n], body[n:]) != a.keys[node] {
		return fmt.Errorf("%w: key share of node %d", ErrCommitment, node)
	}
	return a.o.Params.addPoly(body[:n], a.lat.b, a.scratch)
}

// uploaded is the payload of a node's CT: all ciphertexts it committed to.
func (a *Attempt) uploaded(node int) Hash {
	return hash("uploaded", a.ctx[:], a.board.said[PhaseCTCom][node].Payload[:])
}

// advance begins the next phase while the current one is complete.
func (a *Attempt) advance() error {
	for a.phase < PhaseShare && len(a.Missing()) == 0 {
		done := a.phase
		a.phase++
		var err error
		switch done {
		case PhaseHello:
			err = a.makeKey()
		case PhaseKeyCom:
			err = a.openKey()
		case PhaseCTCom:
			err = a.upload()
		case PhaseCT:
			err = a.confirm()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// makeKey runs when all HELLOs are in: context, pad keys, key share, KEYCOM.
func (a *Attempt) makeKey() error {
	var nonces []Hash
	var publics []string
	for _, h := range a.hellos {
		nonces = append(nonces, h.nonce)
		publics = append(publics, string(h.pad), string(h.seal))
	}
	if err := distinct("nonces", nonces); err != nil {
		return err
	}
	if err := distinct("ephemeral keys", publics); err != nil {
		return err
	}
	a.ctx = contextOf(a.ctx0, a.board.digest(PhaseHello))
	a.pads = make([]Hash, len(a.hellos))
	for j, h := range a.hellos {
		if j == a.o.Self {
			continue
		}
		var err error
		if a.pads[j], err = padKey(a.padSecret, h.pad, a.ctx, a.o.Self, j); err != nil {
			return fmt.Errorf("node %d: %w", j, err)
		}
	}
	a.padSecret = nil
	a.allocate()
	a.lat = newLattice(a.o.Params, a.ctx)
	var err error
	if a.blind, err = randomHash(); err != nil {
		return err
	}
	share := append(a.lat.keyShare(), a.blind[:]...)
	n := len(share) - len(a.blind)
	m, err := sign(a.o.Key, PhaseKeyOpen, a.ctx, a.o.Self, share)
	if err != nil {
		return err
	}
	a.own[PhaseKeyOpen] = &m // shown when all commitments are in
	c := commitKey(a.ctx, a.o.Self, share[:n], a.blind[:])
	return a.say(PhaseKeyCom, a.ctx, c[:])
}

// allocate makes what is kept per node and chunk.
func (a *Attempt) allocate() {
	nodes, chunks := a.board.shape.Nodes, a.o.Params.Chunks(int(a.open.Length))
	a.keys = make([]Hash, nodes)
	for range nodes {
		a.got = append(a.got, make([]bool, chunks))
		a.confirmed = append(a.confirmed, make([]Hash, chunks))
		a.commits[C0] = append(a.commits[C0], make([]Hash, chunks))
		a.commits[C1] = append(a.commits[C1], make([]Hash, chunks))
	}
	for range chunks {
		a.sums = append(a.sums, a.o.Params.ring.NewPoly())
	}
	a.scratch = a.o.Params.ring.NewPoly()
}

// openKey runs when all KEYCOMs are in.
func (a *Attempt) openKey() error {
	if err := distinct("key commitments", a.keys); err != nil {
		return err
	}
	m := *a.own[PhaseKeyOpen]
	if _, err := a.board.admit(m, a.ctx); err != nil {
		return err
	}
	return a.take(m)
}

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
	body := make([]byte, 0, 64*len(a.sums))
	plain := make([]uint64, p.degree()*p.tables.words)
	for k := range a.sums {
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

// upload runs when all CTCOMs are in: from here on own ciphertexts may be shown.
func (a *Attempt) upload() error {
	var seen []Hash
	for i := range a.got {
		for k := range a.sums {
			seen = append(seen, a.commits[C0][i][k], a.commits[C1][i][k])
		}
	}
	if err := distinct("ciphertext commitments", seen); err != nil {
		return err
	}
	for k := range a.sums {
		if err := a.addC1(Part{C1, a.o.Self, k, a.ct[C1][k]}); err != nil {
			return err
		}
	}
	h := a.uploaded(a.o.Self)
	return a.say(PhaseCT, a.ctx, h[:])
}

// Part is a half of this node's own ciphertext, from phase CT on; every node's
// commitments are in by then.
func (a *Attempt) Part(kind Kind, chunk int) (Part, error) {
	switch {
	case a.closed != nil:
		return Part{}, a.shut()
	case a.phase < PhaseCT || kind > C1 || chunk < 0 || chunk >= len(a.sums):
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

// confirm runs when every c1 is in: transcript root, own shares, and the end of
// the secret key. The shares are fixed before anyone sees another's.
func (a *Attempt) confirm() error {
	p := a.o.Params
	sums, buf := make([]Hash, len(a.sums)), make([]byte, 0, p.PolyBytes())
	for k, s := range a.sums {
		sums[k] = hash("sum c1", a.ctx[:], place(0, k), p.appendPoly(buf[:0], s))
	}
	a.root = rootOf(a.ctx, a.board.digest, sums)
	body := append([]byte{}, a.root[:]...)
	for k, s := range a.sums {
		share, err := a.lat.share(s)
		if err != nil {
			return err
		}
		a.shares = append(a.shares, share)
		h := commitPart(a.ctx, Opened, a.o.Self, k, share)
		body = append(body, h[:]...)
	}
	a.lat.wipe()
	a.lat = nil
	return a.say(PhaseConfirm, a.ctx, body)
}
