package secagg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"testing"
)

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

// The secret key's own memory is cleared, at an end and when the share is made.
func TestAttackLeftoverKey(t *testing.T) {
	for _, end := range []func(*cluster){
		func(c *cluster) { _, err := c.nodes[0].Abort(1); c.ok(err) },
		func(c *cluster) {
			mustBe(t, c.replaced(0, PhaseCT, c.forge(1, PhaseCT, c.nodes[0].ctx, make([]byte, 32))), ErrCommitment)
		},
		func(c *cluster) { c.deliver(PhaseCT) },
	} {
		c := newCluster(t, tinyG(t), 3, 9).until(PhaseCT)
		c.collect(PhaseCT)
		limbs := c.nodes[0].lat.secret.Value.Q.Coeffs
		pads := c.nodes[0].pads
		end(c)
		for _, limb := range limbs {
			if slices.ContainsFunc(limb, func(v uint64) bool { return v != 0 }) {
				t.Fatal("the key is still in memory")
			}
		}
		if c.nodes[0].lat != nil || slices.ContainsFunc(pads, func(h Hash) bool { return h != Hash{} }) {
			t.Fatal("key or pads are still in memory")
		}
	}
}

// Even who decrypts a single node's ciphertext with everybody's keys sees
// nothing: its plaintext is padded with keys that only pairs of nodes have. The
// control takes the pads off and finds the values.
func TestAttackBlindDecryption(t *testing.T) {
	for _, p := range both(t) {
		c := newCluster(t, p, 3, 9).until(PhaseCTCom)
		pads := slices.Clone(c.nodes[1].pads)
		c.collect(PhaseCTCom)
		sum, x, tmp := p.ring.NewPoly(), p.ring.NewPoly(), p.ring.NewPoly()
		c.ok(p.readPoly(c.nodes[1].ct[C0][0], sum))
		c.ok(p.readPoly(c.nodes[1].ct[C1][0], x))
		p.ring.NTT(x, x)
		for _, a := range c.nodes {
			p.ring.MulCoeffsMontgomery(x, a.lat.secret.Value.Q, tmp)
			p.ring.INTT(tmp, tmp)
			p.ring.Add(sum, tmp, sum)
		}
		m, clean := make([]uint64, p.degree()*p.tables.words), make([]uint64, p.degree()*p.tables.words)
		c.ok(p.decode(sum, 3, m))
		c.ok(p.pack(c.values[1], p.checkValue(c.nodes[1].ctx, 0, 3), 3, clean))
		same := 0
		for i := range m {
			if m[i] == clean[i] {
				same++
			}
		}
		if same > 0 { // of words: 2^-57 for set G, less for V
			t.Fatalf("%s: %d words of the plaintext show", p.Name(), same)
		}
		c.ok(p.addPad(pads[0], 0, false, m))
		c.ok(p.addPad(pads[2], 0, true, m))
		if !slices.Equal(m, clean) {
			t.Fatalf("%s: the control is broken: without pads the plaintext does not show", p.Name())
		}
	}
}

// The coordinator has every byte of the attempt and no way to a share or value:
// no wrapped key opens for it, and no node's numbers or share are among the bytes.
func TestAttackCuriousCoordinator(t *testing.T) {
	p := tinyG(t)
	c := newCluster(t, p, 3, 9)
	const canary = 0x05adc0ffee15dead
	for i := range c.values {
		c.values[i][4] = canary + int64(i)
	}
	c.begin()
	c.until(PhaseShare).cross()
	c.finish()
	for j := range 3 {
		share, err := c.relay.Message(PhaseShare, j)
		c.ok(err)
		h, _, secret, err := ephemeral(Mark{})
		c.ok(err)
		for i := range 3 {
			for _, public := range [][]byte{c.ends[0].r.seals[i], c.ends[0].r.seals[j], h.seal} {
				kek, err := derive(secret, public, share.Context, "wrap", j, i)
				c.ok(err)
				_, err = unwrap(kek, share.Body[wrapBytes*i:][:wrapBytes])
				mustBe(t, err, ErrShare)
			}
		}
		open, err := c.Part(Opened, j, 0)
		c.ok(err)
		for name, b := range c.store {
			for i := range 3 {
				v := uint64(canary + i)
				if bytes.Contains(b, binary.LittleEndian.AppendUint64(nil, v)) || bytes.Contains(b, binary.BigEndian.AppendUint64(nil, v)) {
					t.Fatalf("a value is in %s", name)
				}
			}
			if bytes.Contains(b, open.Body[:64]) {
				t.Fatalf("an open share is in %s", name)
			}
		}
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

// A node that seals its share so that one peer cannot open it keeps the sum from
// nobody: any other node can hand the share over, and it must be the confirmed one.
func TestAttackWithheldShare(t *testing.T) {
	c := newCluster(t, tinyG(t), 3, 9).until(PhaseShare).cross()
	share, err := c.relay.Message(PhaseShare, 2)
	c.ok(err)
	body := slices.Clone(share.Body)
	body[3] ^= 1 // the key for node 0
	share = c.forge(2, PhaseShare, share.Context, body)
	mustBe(t, c.ends[0].Receive(share), ErrShare)
	c.ok(c.ends[1].Receive(share))
	sealed, err := c.relay.Part(Sealed, 2, 0)
	c.ok(err)
	mustBe(t, c.ends[0].ReceivePart(sealed), ErrMissing)
	open, err := c.ends[1].OpenShare(sealed)
	c.ok(err)
	wrong := open
	wrong.Node = 1
	mustBe(t, c.ends[0].ReceivePart(wrong), ErrShare)
	c.ok(c.ends[0].ReceivePart(open))
	m, err := c.relay.Message(PhaseShare, 1)
	c.ok(err)
	c.ok(c.ends[0].Receive(m))
	for _, x := range []struct {
		k    Kind
		node int
	}{{C0, 0}, {C0, 1}, {C0, 2}, {Sealed, 1}} {
		q, err := c.relay.Part(x.k, x.node, 0)
		c.ok(err)
		c.ok(c.ends[0].ReceivePart(q))
	}
	got, err := c.ends[0].Sum()
	c.ok(err)
	if !slices.Equal(got, c.want()) {
		t.Fatal("another sum")
	}
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
	for _, k := range []Kind{C0, C0, Sealed, Sealed} { // the same part counts once
		q, err := c.relay.Part(k, 1, 0)
		c.ok(err)
		c.ok(c.ends[0].ReceivePart(q))
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
