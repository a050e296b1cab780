package secagg

import (
	"slices"
	"testing"
)

// forge has a colluding node sign whatever it likes.
func (c *cluster) forge(node int, f Phase, ctx Hash, body []byte) Message {
	c.t.Helper()
	m, err := sign(c.keys[node], f, ctx, node, body)
	c.ok(err)
	return m
}

// replaced delivers a phase to node i, with another message in place of some.
func (c *cluster) replaced(i int, f Phase, forged ...Message) error {
	c.t.Helper()
	for j := range c.nodes {
		m, err := c.relay.Message(f, j)
		c.ok(err)
		for _, x := range forged {
			if x.Node == j {
				m = x
			}
		}
		if err := c.nodes[i].Receive(m); err != nil {
			return err
		}
	}
	return nil
}

// gone: the attempt is over and has neither key, shares nor pads, nor a way to them.
func gone(t testing.TB, a *Attempt) {
	t.Helper()
	if a.Err() == nil || a.lat != nil || a.shares != nil || a.pads != nil || a.padSecret != nil || a.sealSecret != nil || a.ct[0] != nil {
		t.Fatal("secrets outlive the attempt")
	}
	_, err := a.Message()
	mustBe(t, err, ErrClosed)
	_, err = a.Cross(func([]byte) error { t.Fatal("saved"); return nil })
	mustBe(t, err, ErrClosed)
	_, err = a.Part(C0, 0)
	mustBe(t, err, ErrClosed)
	mustBe(t, a.Input(nil), ErrClosed)
}

// The last to show its key share would choose it so that the common key is one
// it knows. It had to commit first.
func TestAttackRogueKey(t *testing.T) {
	p := tinyG(t)
	c := newCluster(t, p, 3, 9).until(PhaseKeyOpen)
	c.collect(PhaseKeyOpen)
	sum, x, tmp := p.ring.NewPoly(), p.ring.NewPoly(), p.ring.NewPoly()
	for j := range 2 {
		m, err := c.relay.Message(PhaseKeyOpen, j)
		c.ok(err)
		c.ok(p.addPoly(m.Body[:p.PolyBytes()], sum, tmp))
	}
	c.ok(p.readPoly(newLattice(p, c.nodes[0].ctx).keyShare(), x)) // a key of its own
	p.ring.Sub(x, sum, x)
	m, err := c.relay.Message(PhaseKeyOpen, 2)
	c.ok(err)
	rogue := append(p.appendPoly(nil, x), m.Body[p.PolyBytes():]...)
	mustBe(t, c.replaced(0, PhaseKeyOpen, c.forge(2, PhaseKeyOpen, c.nodes[0].ctx, rogue)), ErrCommitment)
	gone(t, c.nodes[0])
}

// The common part of all keys comes from every node's nonce: whoever changes one
// changes it, and a node cannot be given another than its own HELLO makes.
func TestAttackChosenCRS(t *testing.T) {
	p := tinyG(t)
	c := newCluster(t, p, 3, 9)
	c.collect(PhaseHello)
	own, err := c.nodes[0].Message()
	c.ok(err)
	h := parseHello(slices.Clone(own.Body))
	h.nonce = hash("another nonce")
	// The coordinator cannot sign for node 0, to node 1 or to node 0 itself.
	forged := own
	forged.Body = h.body()
	forged.Payload = hash("x")
	mustBe(t, c.nodes[1].Receive(forged), ErrWire)
	m, err := sign(c.coord, PhaseHello, own.Context, 0, h.body())
	c.ok(err)
	mustBe(t, c.nodes[1].Receive(m), ErrSignature)
	c.deliver(PhaseHello)
	a := c.nodes[0].lat.a
	// Every HELLO decides it: another nonce of any node is another a.
	for i := range 3 {
		list := c.nodes[0].board.digest(PhaseHello)
		list[i] = hash("another nonce")
		b := p.expand(contextOf(c.nodes[0].ctx0, list))
		if b.Equal(&a) {
			t.Fatalf("the nonce of node %d does not matter", i)
		}
	}
	for _, q := range c.nodes[1:] {
		if !q.lat.a.Equal(&a) {
			t.Fatal("nodes have different a")
		}
	}
}

// A c1 chosen to read the secret key from a share (a constant above the
// flooding), or another node's c1 swapped in, opens no commitment.
func TestAttackChosenC1(t *testing.T) {
	p := tinyG(t)
	c := newCluster(t, p, 3, 9).until(PhaseCT)
	c.collect(PhaseCT)
	a := c.nodes[0]
	x := p.ring.NewPoly()
	for l := range x.Coeffs {
		x.Coeffs[l][0] = 1 << 55
	}
	mustBe(t, a.ReceivePart(Part{C1, 1, 0, p.appendPoly(nil, x)}), ErrCommitment)
	other, err := c.relay.Part(C1, 2, 0)
	c.ok(err)
	other.Node = 1
	mustBe(t, a.ReceivePart(other), ErrCommitment)
	c0, err := c.store.Get(partName(C0, 1, 0))
	c.ok(err)
	mustBe(t, a.ReceivePart(Part{C1, 1, 0, c0[partHead:]}), ErrCommitment)
	if a.Err() != nil || a.got[1][0] {
		t.Fatal("a garbled part ended the attempt or was counted")
	}
	c.deliver(PhaseCT) // the true ones still do
	if a.Phase() != PhaseConfirm {
		t.Fatal(a.Phase())
	}
}

// A dropped ciphertext leaves the barrier shut, a duplicated one counts once.
func TestAttackDroppedAndDuplicatedCiphertext(t *testing.T) {
	p := tinyV(t)
	c := newCluster(t, p, 3, p.Capacity()+1).until(PhaseCT)
	c.collect(PhaseCT)
	a := c.nodes[0]
	for j := range 3 {
		m, err := c.relay.Message(PhaseCT, j)
		c.ok(err)
		c.ok(a.Receive(m))
	}
	for _, x := range []struct{ node, chunk int }{{1, 0}, {1, 0}, {1, 1}, {2, 0}, {2, 0}} {
		q, err := c.relay.Part(C1, x.node, x.chunk)
		c.ok(err)
		c.ok(a.ReceivePart(q))
	}
	if a.Phase() != PhaseCT || !slices.Equal(a.Missing(), []int{2}) {
		t.Fatalf("in %v, waiting for %v", a.Phase(), a.Missing())
	}
	_, err := a.Cross(func([]byte) error { t.Fatal("saved"); return nil })
	mustBe(t, err, ErrOrder)
	c.deliver(PhaseCT)
	c.collect(PhaseConfirm)
	c.deliver(PhaseConfirm)
	c.cross()
	got, err := c.combine(0)
	c.ok(err)
	if !slices.Equal(got, c.want()) {
		t.Fatal("a duplicate was added twice")
	}
}

// A commitment copied from another node opens for its maker only, and is refused
// as a duplicate before that.
func TestAttackCopiedCommitment(t *testing.T) {
	for _, f := range []Phase{PhaseKeyCom, PhaseCTCom} {
		c := newCluster(t, tinyG(t), 3, 9).until(f)
		c.collect(f)
		m, err := c.relay.Message(f, 1)
		c.ok(err)
		copied := c.forge(2, f, m.Context, m.Body)
		mustBe(t, c.replaced(0, f, copied), ErrDuplicate)
		gone(t, c.nodes[0])
	}
	// Even if duplicates passed, the place inside would not.
	share := []byte("share")
	if commitKey(Hash{}, 1, hash("")) == commitKey(Hash{}, 2, hash("")) ||
		commitPart(Hash{}, C1, 1, 0, share) == commitPart(Hash{}, C1, 2, 0, share) {
		t.Fatal("commitments do not name their maker")
	}
}

// A node that wants to send a ciphertext correlated with another's (its negative,
// to leave one node alone in the sum) sees it only after committing to its own.
func TestAttackCorrelatedCiphertext(t *testing.T) {
	p := tinyG(t)
	c := newCluster(t, p, 3, 9).until(PhaseCTCom)
	for i, a := range c.nodes {
		c.ok(a.Input(c.values[i]))
		_, err := a.Part(C1, 0)
		mustBe(t, err, ErrOrder) // nothing is shown before all have committed
		m, err := a.Message()
		c.ok(err)
		if i < 2 {
			c.ok(c.relay.Put(m))
			_, err = c.relay.Message(PhaseCTCom, i)
			mustBe(t, err, ErrMissing) // nor relayed
			c.ok(c.nodes[i].Receive(m))
			_, err = a.Part(C1, 0)
			mustBe(t, err, ErrOrder)
		} else {
			c.ok(c.relay.Put(m))
		}
	}
	c.deliver(PhaseCTCom)
	c.collect(PhaseCT)
	x := p.ring.NewPoly()
	q, err := c.relay.Part(C1, 1, 0)
	c.ok(err)
	c.ok(p.readPoly(q.Body, x))
	p.ring.Neg(x, x)
	mustBe(t, c.nodes[0].ReceivePart(Part{C1, 2, 0, p.appendPoly(nil, x)}), ErrCommitment)
}

// A coordinator that shows nodes different HELLOs of a colluding node splits
// their contexts: nothing that one of them signs afterwards fits another.
func TestAttackEquivocatingHello(t *testing.T) {
	c := newCluster(t, tinyG(t), 3, 9)
	c.collect(PhaseHello)
	m, err := c.relay.Message(PhaseHello, 2)
	c.ok(err)
	h := parseHello(slices.Clone(m.Body))
	h.nonce = hash("for node 0 only")
	c.ok(c.replaced(0, PhaseHello, c.forge(2, PhaseHello, m.Context, h.body())))
	c.ok(c.replaced(1, PhaseHello))
	k, err := c.nodes[0].Message()
	c.ok(err)
	mustBe(t, c.nodes[1].Receive(k), ErrContext)
}

// A node that shows two peers different key shares or ciphertexts, each with its
// own valid commitment, splits their roots: the barrier stays shut for both.
func TestAttackEquivocation(t *testing.T) {
	p := tinyG(t)
	for _, f := range []Phase{PhaseKeyCom, PhaseCTCom} {
		c := newCluster(t, p, 3, 9).until(f)
		forged := map[Phase]Message{}
		ctx := c.nodes[0].ctx
		var second *Part
		for g := f; g <= PhaseCT; g++ {
			c.collect(g)
			switch {
			case g == PhaseKeyCom:
				body := append(newLattice(p, ctx).keyShare(), make([]byte, 32)...)
				open := c.forge(2, PhaseKeyOpen, ctx, body)
				com := commitKey(ctx, 2, open.Payload)
				forged[PhaseKeyCom], forged[PhaseKeyOpen] = c.forge(2, g, ctx, com[:]), open
			case g == PhaseCTCom && f == PhaseCTCom:
				body := p.appendPoly(nil, p.expand(hash("another c1")))
				second = &Part{C1, 2, 0, body}
				h0, h1 := commitPart(ctx, C0, 2, 0, body), commitPart(ctx, C1, 2, 0, body)
				com := c.forge(2, g, ctx, append(h0[:], h1[:]...))
				up := hash("uploaded", ctx[:], com.Payload[:])
				forged[PhaseCTCom], forged[PhaseCT] = com, c.forge(2, PhaseCT, ctx, up[:])
			}
			for i := range 3 {
				if m, ok := forged[g]; ok && i == 0 {
					c.ok(c.replaced(0, g, m))
				} else {
					c.ok(c.replaced(i, g))
				}
				for j := range 3 {
					if g == PhaseCT && j != i {
						q, err := c.relay.Part(C1, j, 0)
						c.ok(err)
						if i == 0 && j == 2 && second != nil {
							q = *second
						}
						c.ok(c.nodes[i].ReceivePart(q))
					}
				}
			}
		}
		for i := range 2 {
			if c.nodes[i].Phase() != PhaseConfirm {
				t.Fatalf("%v: node %d is in %v", f, i, c.nodes[i].Phase())
			}
			m, err := c.nodes[i].Message()
			c.ok(err)
			c.ok(c.relay.Put(m))
			defer func() { mustBe(t, c.nodes[1-i].Receive(m), ErrRoot); gone(t, c.nodes[1-i]) }()
		}
	}
}

// Two confirmations of different roots never pass, whoever signs them.
func TestAttackOtherRoot(t *testing.T) {
	c := newCluster(t, tinyG(t), 3, 9).until(PhaseConfirm)
	c.collect(PhaseConfirm)
	m, err := c.relay.Message(PhaseConfirm, 2)
	c.ok(err)
	body := slices.Clone(m.Body)
	body[3] ^= 4
	mustBe(t, c.replaced(0, PhaseConfirm, c.forge(2, PhaseConfirm, m.Context, body)), ErrRoot)
	gone(t, c.nodes[0])
}
