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
		return a.takeKey(m)
	case PhaseCTCom:
		for k := range a.chunks() {
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
		for k := range a.chunks() {
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
func (a *Attempt) takeKey(m Message) error {
	if commitKey(a.ctx, m.Node, m.Payload) != a.keys[m.Node] {
		return fmt.Errorf("%w: key share of node %d", ErrCommitment, m.Node)
	}
	if err := a.o.Params.addPoly(m.Body[:a.o.Params.PolyBytes()], a.lat.b, a.scratch); err != nil {
		return fmt.Errorf("node %d: %w", m.Node, err)
	}
	return nil
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
	blind, err := randomHash()
	if err != nil {
		return err
	}
	share := append(a.lat.keyShare(), blind[:]...)
	m, err := sign(a.o.Key, PhaseKeyOpen, a.ctx, a.o.Self, share)
	if err != nil {
		return err
	}
	a.own[PhaseKeyOpen] = &m // shown when all commitments are in
	c := commitKey(a.ctx, a.o.Self, m.Payload)
	return a.say(PhaseKeyCom, a.ctx, c[:])
}

func (a *Attempt) chunks() int { return a.o.Params.Chunks(int(a.open.Length)) }

// allocate makes what is kept per node and chunk.
func (a *Attempt) allocate() {
	nodes, chunks := a.board.shape.Nodes, a.chunks()
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

// upload runs when all CTCOMs are in: from here on own ciphertexts may be shown.
func (a *Attempt) upload() error {
	var seen []Hash
	for i := range a.got {
		for k := range a.chunks() {
			seen = append(seen, a.commits[C0][i][k], a.commits[C1][i][k])
		}
	}
	if err := distinct("ciphertext commitments", seen); err != nil {
		return err
	}
	for k := range a.chunks() {
		if err := a.addC1(Part{C1, a.o.Self, k, a.ct[C1][k]}); err != nil {
			return err
		}
	}
	h := a.uploaded(a.o.Self)
	return a.say(PhaseCT, a.ctx, h[:])
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
	a.lat, a.sums = nil, nil
	return a.say(PhaseConfirm, a.ctx, body)
}
