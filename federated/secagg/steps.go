package secagg

import (
	"crypto/mlkem"
	"crypto/sha256"
	"fmt"
)

// take reads one admitted message's content. Its errors blame the sender, who
// signed it.
func (a *Attempt) take(m Message) error {
	switch m.Phase {
	case PhaseHello:
		return a.takeHello(m.Node, m.Body)
	case PhaseKeyCom:
		return a.takeKeyCom(m.Node, m.Body)
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
	if _, err := encapsulationKey(h.kem); err != nil {
		return fmt.Errorf("node %d: %w", node, err)
	}
	if node != a.o.Self && a.o.Seen != nil {
		if err := h.ledger.follows(a.o.Seen[node]); err != nil {
			return fmt.Errorf("node %d: %w", node, err)
		}
	}
	a.hellos[node] = h
	return nil
}

// takeKeyCom keeps the commitment and, if the sender's place is lower, makes the
// pair's keys from the ciphertext that is for this node.
func (a *Attempt) takeKeyCom(node int, body []byte) error {
	a.keys[node] = Hash(body[:32])
	const size = mlkem.CiphertextSize768
	for b := body[32:]; len(b) > 0; b = b[size:] {
		a.offers = append(a.offers, sha256.Sum256(b[:size]))
	}
	if node >= a.o.Self {
		return nil
	}
	mine := body[32+size*(a.o.Self-node-1):][:size]
	p, err := a.secrets.accept(mine, a.hellos[node], a.ctx, a.o.Self, node)
	if err != nil {
		return fmt.Errorf("node %d: %w", node, err)
	}
	a.keep(node, p)
	return nil
}

func (a *Attempt) keep(peer int, p pair) {
	a.pads[peer], a.wrapTo[peer], a.wrapFrom[peer] = p.pad, p.to, p.from
}

// offer makes the keys of the pairs with all higher places, and a key for this
// node itself. It returns the ciphertexts that KEYCOM carries, in roster order.
func (a *Attempt) offer() (ciphertexts []byte, err error) {
	own, err := randomHash()
	if err != nil {
		return nil, err
	}
	a.keep(a.o.Self, pair{to: own, from: own})
	for j := a.o.Self + 1; j < len(a.hellos); j++ {
		c, p, err := a.secrets.offer(a.hellos[j], a.ctx, a.o.Self, j)
		if err != nil {
			return nil, fmt.Errorf("node %d: %w", j, err)
		}
		a.keep(j, p)
		ciphertexts = append(ciphertexts, c...)
	}
	return ciphertexts, nil
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

// makeKey runs when all HELLOs are in: context, pairs, key share, KEYCOM.
func (a *Attempt) makeKey() error {
	var nonces []Hash
	var publics []string
	for _, h := range a.hellos {
		nonces = append(nonces, h.nonce)
		publics = append(publics, string(h.dh), string(h.kem))
	}
	if err := distinct("nonces", nonces); err != nil {
		return err
	}
	if err := distinct("ephemeral keys", publics); err != nil {
		return err
	}
	a.ctx = contextOf(a.ctx0, a.board.digest(PhaseHello))
	a.allocate()
	ciphertexts, err := a.offer()
	if err != nil {
		return err
	}
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
	return a.say(PhaseKeyCom, a.ctx, append(c[:], ciphertexts...))
}

func (a *Attempt) chunks() int { return a.o.Params.Chunks(int(a.open.Length)) }

// allocate makes what is kept per node and chunk.
func (a *Attempt) allocate() {
	nodes, chunks := a.board.shape.Nodes, a.chunks()
	a.keys, a.pads = make([]Hash, nodes), make([]Hash, nodes)
	a.wrapTo, a.wrapFrom = make([]Hash, nodes), make([]Hash, nodes)
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

// openKey runs when all KEYCOMs are in: every pair has its keys.
func (a *Attempt) openKey() error {
	a.secrets = nil
	if err := distinct("ciphertexts", a.offers); err != nil {
		return err
	}
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
