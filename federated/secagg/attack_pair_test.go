package secagg

import (
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/sha256"
	"slices"
	"testing"
)

// exchanged runs HELLO and KEYCOM and keeps every node's ephemeral secrets, which
// the nodes themselves drop.
func exchanged(t testing.TB, nodes int) (c *cluster, kept []*secrets) {
	t.Helper()
	c = newCluster(t, tinyG(t), nodes, 9)
	for _, a := range c.nodes {
		kept = append(kept, a.secrets)
	}
	return c.until(PhaseKeyOpen), kept
}

// cipher is the ciphertext of a pair, from the lower place's KEYCOM.
func (c *cluster) cipher(i, j int) []byte {
	c.t.Helper()
	m, err := c.relay.Message(PhaseKeyCom, i)
	c.ok(err)
	return m.Body[32+mlkem.CiphertextSize768*(j-i-1):][:mlkem.CiphertextSize768]
}

// Who records everything today and breaks X25519 later has every X25519 key, but
// no pad and no share's key; nor has who breaks ML-KEM instead. The control breaks
// both.
func TestAttackHarvestedExchange(t *testing.T) {
	c, kept := exchanged(t, 3)
	c.between(PhaseKeyOpen, PhaseCTCom)
	secret := [3]pair{}
	for j := range secret {
		secret[j] = pair{c.nodes[0].pads[j], c.nodes[0].wrapTo[j], c.nodes[0].wrapFrom[j]}
	}
	for j := 1; j < 3; j++ {
		pub, err := ecdh.X25519().NewPublicKey(c.nodes[0].hellos[0].dh)
		c.ok(err)
		dh, err := kept[j].dh.ECDH(pub)
		c.ok(err)
		kem, err := kept[j].kem.Decapsulate(c.cipher(0, j))
		c.ok(err)
		zero, guess := make([]byte, 32), hash("guess")
		harvest := func(kem, dh []byte) pair {
			p, err := pairKeys(slices.Clone(kem), slices.Clone(dh), c.cipher(0, j), c.nodes[0].ctx, 0, j)
			c.ok(err)
			return p
		}
		for what, p := range map[string]pair{
			"X25519": harvest(zero, dh), "X25519 and a guess": harvest(guess[:], dh), "X25519 alone": harvest(nil, dh), "X25519 twice": harvest(dh, dh),
			"ML-KEM": harvest(kem, zero), "ML-KEM and a guess": harvest(kem, guess[:]), "ML-KEM alone": harvest(kem, nil), "ML-KEM twice": harvest(kem, kem),
		} {
			if p.pad == secret[j].pad || p.to == secret[j].to || p.from == secret[j].from {
				t.Fatalf("%s gives the keys of nodes 0 and %d", what, j)
			}
		}
		if harvest(kem, dh) != secret[j] {
			t.Fatal("the control is broken: both together do not give the keys")
		}
	}
}

// Every pair has its own pad and wrapping keys, equal at both ends, and no two
// pairs or directions share one.
func TestAttackReusedPairKey(t *testing.T) {
	const nodes = 5
	c, _ := exchanged(t, nodes)
	c.between(PhaseKeyOpen, PhaseCTCom)
	var keys []Hash
	for i, a := range c.nodes {
		keys = append(keys, a.wrapTo[i]) // its own
		for j, b := range c.nodes {
			if a.pads[j] != b.pads[i] || a.wrapTo[j] != b.wrapFrom[i] || (a.pads[j] == Hash{}) != (i == j) {
				t.Fatalf("nodes %d and %d have other keys in common", i, j)
			}
			if i < j {
				keys = append(keys, a.pads[j], a.wrapTo[j], a.wrapFrom[j])
			}
		}
	}
	if err := distinct("keys", keys); err != nil {
		t.Fatal(err)
	}
}

// A colluder's ephemeral secrets give none of the keys of two other nodes, whoever
// made the ciphertext.
func TestAttackThirdNode(t *testing.T) {
	c, kept := exchanged(t, 3)
	c.between(PhaseKeyOpen, PhaseCTCom)
	for _, x := range [][3]int{{0, 1, 2}, {0, 2, 1}, {1, 2, 0}} {
		low, high, spy := x[0], x[1], x[2]
		for _, peer := range []int{low, high} {
			p, err := kept[spy].accept(c.cipher(low, high), c.nodes[0].hellos[peer], c.nodes[0].ctx, high, low)
			c.ok(err)
			if p.pad == c.nodes[low].pads[high] || p.from == c.nodes[low].wrapTo[high] {
				t.Fatalf("node %d has the keys of %d and %d", spy, low, high)
			}
		}
	}
}

// A KEYCOM with a ciphertext missing or too many is no message; one that the
// coordinator garbled is not the signed one; one ciphertext for two nodes, or of
// two nodes, ends the attempt.
func TestAttackWrongCiphertexts(t *testing.T) {
	const size = mlkem.CiphertextSize768
	c := newCluster(t, tinyG(t), 4, 9).until(PhaseKeyCom)
	c.collect(PhaseKeyCom)
	m, err := c.relay.Message(PhaseKeyCom, 1)
	c.ok(err)
	if len(m.Body) != 32+2*size {
		t.Fatalf("KEYCOM of %d bytes", len(m.Body))
	}
	a := c.nodes[3]
	for _, body := range [][]byte{m.Body[:32], m.Body[:32+size], m.Body[:len(m.Body)-1], append(slices.Clone(m.Body), m.Body[32:32+size]...)} {
		bad := c.forge(1, PhaseKeyCom, m.Context, body)
		mustBe(t, a.Receive(bad), ErrWire)
		_, err := c.relay.board.shape.ParseMessage(bad.Append(nil))
		mustBe(t, err, ErrWire)
	}
	garbled := m
	garbled.Body = slices.Clone(m.Body)
	garbled.Body[32+size+5] ^= 1
	mustBe(t, a.Receive(garbled), ErrWire)
	garbled.Payload = sha256.Sum256(garbled.Body)
	mustBe(t, a.Receive(garbled), ErrSignature)
	if a.Err() != nil || !slices.Equal(a.Missing(), []int{0, 1, 2}) {
		t.Fatal("a wrong message counted")
	}

	twice := slices.Concat(m.Body[:32+size], m.Body[32:32+size])
	mustBe(t, c.replaced(3, PhaseKeyCom, c.forge(1, PhaseKeyCom, m.Context, twice)), ErrDuplicate)
	gone(t, a)
	copied := slices.Concat(m.Body[:32+size], c.cipher(0, 3))
	mustBe(t, c.replaced(2, PhaseKeyCom, c.forge(1, PhaseKeyCom, m.Context, copied)), ErrDuplicate)
	gone(t, c.nodes[2])
}

// A ciphertext that its sender garbled and signed leaves the pair with different
// keys (ML-KEM rejects implicitly): the two cannot open each other's shares, and
// with these from a third the sum is spoiled, for everybody.
func TestAttackGarbledCiphertext(t *testing.T) {
	c := newCluster(t, tinyG(t), 3, 9).until(PhaseKeyCom)
	a := c.nodes[0]
	body := slices.Clone(a.own[PhaseKeyCom].Body)
	body[32+mlkem.CiphertextSize768+77] ^= 1 // for node 2
	bad := c.forge(0, PhaseKeyCom, a.ctx, body)
	a.own[PhaseKeyCom], a.board.said[PhaseKeyCom][0] = &bad, &bad.Statement
	c.between(PhaseKeyCom, PhaseShare)
	if c.nodes[0].wrapTo[2] == c.nodes[2].wrapFrom[0] || c.nodes[0].wrapTo[1] != c.nodes[1].wrapFrom[0] {
		t.Fatal("another pair than that of 0 and 2 was hit")
	}
	c.cross()
	_, err := c.combine(1)
	mustBe(t, err, ErrSpoiled)
	_, err = c.combine(2)
	mustBe(t, err, ErrShare)
	for _, k := range []Kind{Sealed, C0} {
		for j := range 3 {
			q, err := c.relay.Part(k, j, 0)
			c.ok(err)
			if k == Sealed {
				q, err = c.ends[1].OpenShare(q)
				c.ok(err)
			}
			c.ok(c.ends[2].ReceivePart(q))
		}
	}
	_, err = c.ends[2].Sum()
	mustBe(t, err, ErrSpoiled)
}

// A coordinator that shows two nodes different ciphertexts of a colluder, both
// signed, splits their roots: the barrier stays shut.
func TestAttackEquivocatingCiphertext(t *testing.T) {
	c := newCluster(t, tinyG(t), 3, 9).until(PhaseKeyCom)
	c.collect(PhaseKeyCom)
	m, err := c.relay.Message(PhaseKeyCom, 0)
	c.ok(err)
	body := slices.Clone(m.Body)
	body[len(body)-1] ^= 1 // for node 2; node 1 has the true one
	c.ok(c.replaced(1, PhaseKeyCom))
	c.ok(c.replaced(2, PhaseKeyCom, c.forge(0, PhaseKeyCom, m.Context, body)))
	c.ok(c.deliverTo(0, PhaseKeyCom))
	c.between(PhaseKeyOpen, PhaseConfirm)
	c.collect(PhaseConfirm)
	m, err = c.relay.Message(PhaseConfirm, 2)
	c.ok(err)
	mustBe(t, c.nodes[1].Receive(m), ErrRoot)
	gone(t, c.nodes[1])
}

// A public key that is no key, in a signed HELLO, ends the attempt.
func TestAttackBadPublicKeys(t *testing.T) {
	for what, x := range map[string]struct {
		liar, victim int
		change       func(*hello)
	}{
		"unreduced, lower":  {0, 2, func(h *hello) { h.kem = slices.Repeat([]byte{0xff}, len(h.kem)) }},
		"unreduced, higher": {2, 0, func(h *hello) { h.kem = slices.Repeat([]byte{0xff}, len(h.kem)) }},
		"low order, higher": {2, 0, func(h *hello) { h.dh = make([]byte, 32) }},
		"low order, lower":  {0, 2, func(h *hello) { h.dh = make([]byte, 32) }},
	} {
		c := newCluster(t, tinyG(t), 3, 9)
		c.collect(PhaseHello)
		m, err := c.relay.Message(PhaseHello, x.liar)
		c.ok(err)
		h := parseHello(m.Body)
		x.change(&h)
		err = c.replaced(x.victim, PhaseHello, c.forge(x.liar, PhaseHello, m.Context, h.body()))
		if a := c.nodes[x.victim]; err == nil && what == "low order, lower" { // found when the liar's ciphertext is in
			body := make([]byte, c.relay.board.shape.BodyBytes(PhaseKeyCom, x.liar))
			err = a.Receive(c.forge(x.liar, PhaseKeyCom, a.ctx, body))
		}
		if err == nil {
			t.Fatal(what)
		}
		mustBe(t, err, ErrWire)
		gone(t, c.nodes[x.victim])
	}
	// And a key used by two nodes is refused like a nonce.
	for _, change := range []func(h, of *hello){
		func(h, of *hello) { h.kem = of.kem }, func(h, of *hello) { h.dh = of.dh }, func(h, of *hello) { h.nonce = of.nonce },
	} {
		c := newCluster(t, tinyG(t), 3, 9)
		c.collect(PhaseHello)
		m, err := c.relay.Message(PhaseHello, 2)
		c.ok(err)
		other, err := c.relay.Message(PhaseHello, 1)
		c.ok(err)
		h, of := parseHello(m.Body), parseHello(other.Body)
		change(&h, &of)
		mustBe(t, c.replaced(0, PhaseHello, c.forge(2, PhaseHello, m.Context, h.body())), ErrDuplicate)
		gone(t, c.nodes[0])
	}
}
