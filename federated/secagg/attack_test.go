package secagg

import (
	"errors"
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
	share, blind := []byte("share"), []byte("blind")
	if commitKey(Hash{}, 1, share, blind) == commitKey(Hash{}, 2, share, blind) ||
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
// their contexts; one that shows different commitments splits their roots.
// Either way nobody gets N confirmations.
func TestAttackEquivocation(t *testing.T) {
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

	for _, f := range []Phase{PhaseKeyCom, PhaseCTCom} {
		c := newCluster(t, tinyG(t), 3, 9).until(f)
		c.collect(f)
		m, err := c.relay.Message(f, 2)
		c.ok(err)
		other := slices.Clone(m.Body)
		other[0] ^= 1
		c.ok(c.replaced(0, f, c.forge(2, f, m.Context, other)))
		c.ok(c.replaced(1, f))
		a, b := c.nodes[0].board.digest(f), c.nodes[1].board.digest(f)
		if hashAll(f.String(), m.Context, a) == hashAll(f.String(), m.Context, b) {
			t.Fatalf("two %v of one node make the same root", f)
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

// A second differing message is evidence that anyone can check, in every phase,
// also when the phase has passed.
func TestAttackEvidence(t *testing.T) {
	for f := PhaseHello; f <= PhaseConfirm; f++ {
		for _, late := range []bool{false, true} {
			c := newCluster(t, tinyG(t), 3, 9).until(f)
			c.collect(f)
			if late {
				c.deliver(f)
			} else {
				m, err := c.relay.Message(f, 2)
				c.ok(err)
				c.ok(c.nodes[0].Receive(m))
			}
			m, err := c.relay.Message(f, 2)
			c.ok(err)
			body := slices.Clone(m.Body)
			body[len(body)-1] ^= 1
			err = c.nodes[0].Receive(c.forge(2, f, m.Context, body))
			var e *Evidence
			if !errors.As(err, &e) || !errors.Is(err, ErrEvidence) {
				t.Fatalf("%v, late %v: %v", f, late, err)
			}
			c.ok(e.Verify(c.roster))
			if same := (&Evidence{e.First, e.First}); same.Verify(c.roster) == nil {
				t.Fatal("one message is evidence")
			}
			e.Second.Payload[0] ^= 1
			mustBe(t, e.Verify(c.roster), ErrSignature)
			gone(t, c.nodes[0])
			_, err = c.relay.Message(f, 2)
			c.ok(err)
			mustBe(t, c.relay.Put(c.forge(2, f, m.Context, body)), ErrEvidence)
		}
	}
}

// Messages of another round, attempt or job do not fit, whatever the phase.
func TestAttackReplay(t *testing.T) {
	old := newCluster(t, tinyG(t), 3, 9).until(PhaseShare)
	for _, change := range []func(*Open){
		func(o *Open) { o.Attempt++ }, func(o *Open) { o.Round++; o.Attempt++ },
		func(o *Open) { o.Job = hash("another job") }, func(o *Open) { o.Model = hash("another model"); o.Attempt++ },
	} {
		c := &cluster{t: t, p: old.p, coord: old.coord, keys: old.keys, roster: old.roster, values: old.values, what: old.what}
		change(&c.what)
		c.begin()
		for f := PhaseHello; f <= PhaseConfirm; f++ {
			c.collect(f)
			m, err := old.relay.Message(f, 1)
			c.ok(err)
			mustBe(t, c.nodes[0].Receive(m), ErrContext)
			mustBe(t, c.relay.Put(m), ErrContext)
			c.deliver(f)
		}
		q, err := old.relay.Part(C1, 1, 0)
		c.ok(err)
		mustBe(t, c.nodes[0].ReceivePart(q), ErrCommitment)
	}
	// The same attempt number opens once.
	open, err := old.relay.Message(PhaseOpen, Coordinator)
	old.ok(err)
	o := old.options(0)
	o.Expect.Attempt = old.what.Attempt
	_, err = Begin(o, open)
	mustBe(t, err, ErrOpen)
}

// A node begins only what it expects: its own job, model, round, length and
// roster, from the coordinator of the card.
func TestAttackOpen(t *testing.T) {
	c := newCluster(t, tinyG(t), 3, 9)
	try := func(what Open, params, roster Hash, sender int, want error) {
		t.Helper()
		m, err := sign(c.coord, PhaseOpen, what.openContext(), sender, what.body(params, roster))
		c.ok(err)
		_, err = Begin(c.options(0), m)
		mustBe(t, err, want)
	}
	id, roster := c.p.ID(), c.roster.Digest()
	try(c.what, id, roster, Coordinator, nil)
	for _, change := range []func(*Open){
		func(o *Open) { o.Job[0] ^= 1 }, func(o *Open) { o.Model[0] ^= 1 }, func(o *Open) { o.Round++ },
		func(o *Open) { o.Length++ }, func(o *Open) { o.Attempt = 0 },
	} {
		w := c.what
		change(&w)
		try(w, id, roster, Coordinator, ErrOpen)
	}
	try(c.what, hash("other primes"), roster, Coordinator, ErrOpen)
	try(c.what, id, hash("other nodes"), Coordinator, ErrOpen)
	try(c.what, id, roster, 1, ErrContext)
	m, err := sign(c.keys[1], PhaseOpen, c.what.openContext(), Coordinator, c.what.body(id, roster))
	c.ok(err)
	_, err = Begin(c.options(0), m)
	mustBe(t, err, ErrSignature)
}

// A coordinator cannot add nodes of its own making: the roster is the card's, it
// is in every context, and places beyond it do not exist.
func TestAttackPaddedRoster(t *testing.T) {
	p := tinyG(t)
	c := newCluster(t, p, 3, 9)
	padded := c.roster
	ghost := key(t)
	padded.Nodes = append(slices.Clone(c.roster.Nodes), Node{"node 3", "organisation 3", public(ghost)})
	m, err := sign(c.coord, PhaseOpen, c.what.openContext(), Coordinator, c.what.body(p.ID(), padded.Digest()))
	c.ok(err)
	_, err = Begin(c.options(0), m)
	mustBe(t, err, ErrOpen)
	c.collect(PhaseHello)
	h, _, _, err := ephemeral(Mark{})
	c.ok(err)
	m, err = sign(ghost, PhaseHello, c.nodes[0].ctx0, 3, h.body())
	c.ok(err)
	mustBe(t, c.nodes[0].Receive(m), ErrRoster)
	// Nor in the place of a node that is there.
	m, err = sign(ghost, PhaseHello, c.nodes[0].ctx0, 1, h.body())
	c.ok(err)
	mustBe(t, c.nodes[0].Receive(m), ErrSignature)
	for _, r := range []func(*Roster){
		func(r *Roster) { r.Nodes = r.Nodes[:2] },
		func(r *Roster) { r.Nodes[2].Organisation = r.Nodes[1].Organisation },
		func(r *Roster) { r.Nodes[2].Key = r.Nodes[1].Key },
		func(r *Roster) { r.Nodes[2].Name = r.Nodes[1].Name },
		func(r *Roster) { r.Nodes[2].Key = r.Coordinator },
		func(r *Roster) { r.Nodes[2].Key = nil },
		func(r *Roster) { r.Coordinator = nil },
	} {
		bad := c.roster
		bad.Nodes = slices.Clone(c.roster.Nodes)
		r(&bad)
		mustBe(t, bad.Check(), ErrOptions)
	}
}

// The last to share would like to choose the result after seeing the others'
// shares: its share was fixed in CONFIRM.
func TestAttackLateShareChoice(t *testing.T) {
	p := tinyG(t)
	c := newCluster(t, p, 3, 9).until(PhaseShare).cross()
	q, err := c.ends[2].Part(0)
	c.ok(err)
	open, err := c.ends[2].OpenShare(q)
	c.ok(err)
	x := p.ring.NewPoly()
	c.ok(p.readPoly(open.Body, x))
	m := make([]uint64, p.degree())
	m[0] = 1000
	p.encode(m, x) // one more thousand in the first sum
	forged := p.appendPoly(nil, x)
	sealed, err := sealPart(*c.ends[2].keys[2], c.ends[2].r.ctx, 2, 0, forged)
	c.ok(err)
	share, err := c.relay.Message(PhaseShare, 2)
	c.ok(err)
	c.ok(c.ends[0].Receive(share))
	mustBe(t, c.ends[0].ReceivePart(Part{Sealed, 2, 0, sealed}), ErrCommitment)
	c.ends[0].sealed[2][0] = commitPart(c.ends[0].r.ctx, Sealed, 2, 0, sealed) // had it sealed that
	mustBe(t, c.ends[0].ReceivePart(Part{Sealed, 2, 0, sealed}), ErrShare)
	c.ends[0].sealed[2][0] = commitPart(c.ends[0].r.ctx, Sealed, 2, 0, q.Body)
	mustBe(t, c.ends[0].ReceivePart(Part{Opened, 2, 0, forged}), ErrShare)
	got, err := c.combine(0)
	c.ok(err)
	if !slices.Equal(got, c.want()) {
		t.Fatal("the forged share counted")
	}
}

// No second share is ever made: Cross works once, the key is gone by then, and
// what is resent is what was stored.
func TestAttackSecondShare(t *testing.T) {
	c := newCluster(t, tinyG(t), 3, 9).until(PhaseConfirm)
	c.collect(PhaseConfirm)
	a := c.nodes[0]
	if a.lat != nil {
		t.Fatal("the secret key outlives the making of the share")
	}
	c.deliver(PhaseConfirm)
	var rec []byte
	e, err := a.Cross(func(b []byte) error { rec = slices.Clone(b); return nil })
	c.ok(err)
	gone(t, a)
	again, err := Resume(c.options(0), rec)
	c.ok(err)
	if !slices.Equal(e.Share().Append(nil), again.Share().Append(nil)) {
		t.Fatal("another SHARE")
	}
	for k := range c.chunks() {
		x, err := e.Part(k)
		c.ok(err)
		y, err := again.Part(k)
		c.ok(err)
		if !slices.Equal(x.Body, y.Body) {
			t.Fatal("another share")
		}
	}
	// A second SHARE of a node is evidence, even with the same shares inside.
	body := slices.Clone(again.Share().Body)
	body[0] ^= 1
	mustBe(t, e.Receive(c.forge(0, PhaseShare, e.r.ctx, body)), ErrEvidence)
}

// The share does not leave before it is journalled: not before the barrier, not
// if saving fails, and then never.
func TestAttackShareBeforeJournal(t *testing.T) {
	c := newCluster(t, tinyG(t), 3, 9)
	for f := PhaseHello; f <= PhaseConfirm; f++ {
		_, err := c.nodes[0].Cross(func([]byte) error { t.Fatal("saved"); return nil })
		mustBe(t, err, ErrOrder)
		c.collect(f)
		if f < PhaseConfirm {
			c.deliver(f)
		}
	}
	for j := range 2 { // one confirmation is missing
		m, err := c.relay.Message(PhaseConfirm, j)
		c.ok(err)
		c.ok(c.nodes[0].Receive(m))
	}
	_, err := c.nodes[0].Cross(func([]byte) error { t.Fatal("saved"); return nil })
	mustBe(t, err, ErrOrder)
	c.deliver(PhaseConfirm)
	full := errors.New("disk full")
	e, err := c.nodes[0].Cross(func([]byte) error { return full })
	mustBe(t, err, full)
	if e != nil {
		t.Fatal("a share without a journal")
	}
	gone(t, c.nodes[0])
}

// A tampered c0 and a garbled sealed share open no commitment.
func TestAttackTamperedC0(t *testing.T) {
	c := newCluster(t, tinyG(t), 3, 9).until(PhaseShare).cross()
	for _, k := range []Kind{C0, Sealed} {
		q, err := c.relay.Part(k, 1, 0)
		c.ok(err)
		bad := slices.Clone(q.Body)
		bad[17] ^= 1
		m, err := c.relay.Message(PhaseShare, 1)
		c.ok(err)
		c.ok(c.ends[0].Receive(m))
		mustBe(t, c.ends[0].ReceivePart(Part{k, 1, 0, bad}), ErrCommitment)
		swapped := q
		swapped.Node = 2
		if c.ends[0].ReceivePart(swapped) == nil {
			t.Fatal("a part of node 1 passes as node 2's")
		}
	}
	_, err := c.ends[0].Sum()
	mustBe(t, err, ErrMissing)
	got, err := c.combine(0)
	c.ok(err)
	if !slices.Equal(got, c.want()) {
		t.Fatal("another sum")
	}
}

// A node whose committed ciphertext is not what it should be spoils the sum
// visibly: by the check slot, by a spare slot, or by the noise.
func TestAttackSpoiledSum(t *testing.T) {
	for _, p := range both(t) {
		for what, spoil := range map[string]func(a *Attempt, m []uint64){
			"check slot":  func(a *Attempt, m []uint64) { m[len(m)-1] ^= 1 << 19 },
			"spare slot":  func(a *Attempt, m []uint64) { p.putDigit(m, 10, 1<<32) },
			"other pads":  func(a *Attempt, m []uint64) { c := hash("pad"); _ = p.addPad(c, 0, false, m) },
			"other check": func(a *Attempt, m []uint64) { clear(m) },
		} {
			c := newCluster(t, p, 3, 9).until(PhaseCTCom)
			liar := c.nodes[2]
			liar.spoil(t, c.values[2], spoil)
			for i, a := range c.nodes {
				if i < 2 {
					c.ok(a.Input(c.values[i]))
				}
				m, err := a.Message()
				c.ok(err)
				c.ok(c.relay.Put(m))
			}
			c.deliver(PhaseCTCom)
			for f := PhaseCT; f <= PhaseConfirm; f++ {
				c.collect(f)
				c.deliver(f)
			}
			c.cross()
			_, err := c.combine(0)
			if !errors.Is(err, ErrSpoiled) {
				t.Fatalf("%s, %s: %v", p.Name(), what, err)
			}
		}
	}
}

// spoil is Input of a lying node.
func (a *Attempt) spoil(t *testing.T, values []int64, change func(*Attempt, []uint64)) {
	t.Helper()
	p, nodes := a.o.Params, a.board.shape.Nodes
	m := make([]uint64, p.degree()*p.tables.words)
	if err := p.pack(values, p.checkValue(a.ctx, 0, nodes), nodes, m); err != nil {
		t.Fatal(err)
	}
	change(a, m)
	for j := range a.pads {
		if j != a.o.Self {
			if err := p.addPad(a.pads[j], 0, j < a.o.Self, m); err != nil {
				t.Fatal(err)
			}
		}
	}
	var body []byte
	c0, c1, err := a.lat.encrypt(m)
	if err != nil {
		t.Fatal(err)
	}
	a.ct[C0], a.ct[C1] = [][]byte{c0}, [][]byte{c1}
	for kind := range a.ct {
		h := commitPart(a.ctx, Kind(kind), a.o.Self, 0, a.ct[kind][0])
		body = append(body, h[:]...)
	}
	if err := a.say(PhaseCTCom, a.ctx, body); err != nil {
		t.Fatal(err)
	}
}

// A wrong share, committed to before the barrier, shows as noise.
func TestAttackWrongShare(t *testing.T) {
	p := tinyG(t)
	c := newCluster(t, p, 3, 9).until(PhaseCT)
	c.collect(PhaseCT)
	for _, limb := range c.nodes[2].lat.secret.Value.Q.Coeffs { // another key than the one it showed
		limb[3] = (limb[3] + 1) % prime5
	}
	c.deliver(PhaseCT)
	c.collect(PhaseConfirm)
	c.deliver(PhaseConfirm)
	c.cross()
	_, err := c.combine(0)
	mustBe(t, err, ErrSpoiled)
}

// A peer whose ledger went back or forked since it was last seen was restored
// from a backup, or shows two faces.
func TestAttackRolledBackLedger(t *testing.T) {
	c := newCluster(t, tinyG(t), 3, 9)
	c.collect(PhaseHello)
	open, err := c.relay.Message(PhaseOpen, Coordinator)
	c.ok(err)
	for seen, want := range map[Mark]error{
		{}: nil, {7, hash("ledger", place(1, 0))}: nil, {6, hash("x")}: nil,
		{8, hash("x")}: ErrRollback, {7, hash("a fork")}: ErrRollback,
	} {
		o := c.options(0)
		o.Seen = []Mark{{}, seen, {}}
		a, err := Begin(o, open)
		c.ok(err)
		m, err := c.relay.Message(PhaseHello, 1)
		c.ok(err)
		mustBe(t, a.Receive(m), want)
		if want != nil {
			gone(t, a)
		}
	}
}

// An ABORT ends everybody's attempt before the barrier, and only a true one does.
func TestAttackAbort(t *testing.T) {
	for f := PhaseHello; f <= PhaseShare; f++ {
		c := newCluster(t, tinyG(t), 3, 9).until(f)
		m, err := c.nodes[1].Abort(9)
		c.ok(err)
		gone(t, c.nodes[1])
		fake := m
		fake.Node = 2
		mustBe(t, c.nodes[0].Receive(fake), ErrSignature)
		mustBe(t, c.nodes[0].Receive(m), ErrAborted)
		gone(t, c.nodes[0])
		c.ok(c.relay.Put(m))
		_, err = c.relay.Message(PhaseAbort, 1)
		c.ok(err)
		_, err = c.nodes[0].Abort(9)
		mustBe(t, err, ErrClosed)
	}
}

// Nothing is taken out of order.
func TestAttackOutOfOrder(t *testing.T) {
	done := newCluster(t, tinyG(t), 3, 9).until(PhaseShare)
	for f := PhaseHello; f <= PhaseConfirm; f++ {
		c := newCluster(t, tinyG(t), 3, 9).until(f)
		for g := f + 1; g <= PhaseConfirm; g++ {
			m, err := done.relay.Message(g, 1)
			c.ok(err)
			mustBe(t, c.nodes[0].Receive(m), ErrOrder)
			mustBe(t, c.relay.Put(m), ErrOrder)
		}
		for _, g := range []Phase{PhaseOpen, PhaseShare, PhaseResult, 77} {
			m := c.forge(1, g, c.nodes[0].ctx, nil)
			mustBe(t, c.nodes[0].Receive(m), ErrOrder)
		}
		if f == PhaseCTCom { // own commitment first
			m := c.forge(1, f, c.nodes[0].ctx, make([]byte, 64))
			mustBe(t, c.nodes[0].Receive(m), ErrOrder)
		}
		if c.nodes[0].Err() != nil {
			t.Fatal("a message out of order ended the attempt")
		}
	}
}
