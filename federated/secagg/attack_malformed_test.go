package secagg

import (
	"math/big"
	"slices"
	"testing"

	"github.com/tuneinsight/lattigo/v6/ring"
)

// The coordinator and 24 of 26 nodes collude, and one of them adds a constant K
// above the flooding to its c1, as an encryption with a large error has it. It
// commits to it like everybody, and takes K times the colluders' keys off its c0.
// The sum decodes, nobody notices (its noise stays below all flooding, but for 6
// standard deviations), and that noise is K (s_0 + s_1) plus flooding:
// the colluders learn the sum of the honest keys, hence the common key, and can
// decrypt every single ciphertext. Nothing but a proof of well-formed ciphertexts
// would keep the first lock shut. The second one holds: what they read is padded
// with the key that the two honest nodes share, and only with that key (which the
// control uses) do the values show.
func TestAttackMalformedCiphertext(t *testing.T) {
	const nodes, honest, liar, logK = 26, 2, 5, 106
	p := tinyG(t)
	r := p.ring
	c := newCluster(t, p, nodes, 9).until(PhaseCTCom)
	pads := slices.Clone(c.nodes[0].pads) // those of 2..19 are the colluders' too
	colluders := r.NewPoly()
	for _, a := range c.nodes[honest:] {
		r.Add(colluders, a.lat.secret.Value.Q, colluders)
	}
	for i, a := range c.nodes {
		if i == liar {
			a.spoil(t, c.values[i], nil, func(c0, c1 ring.Poly) { malform(p, logK, colluders, c0, c1) })
		} else {
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
	got, err := c.combine(0)
	c.ok(err) // nobody notices
	if !slices.Equal(got, c.want()) {
		t.Fatal("the sum is spoiled: the attack would be seen")
	}
	c.export()

	// What the colluders have: C0 + C1 (their keys) + h_0 + h_1, without their own flooding.
	c0, c1, tmp := r.NewPoly(), r.NewPoly(), r.NewPoly()
	for j := range nodes {
		c.addPart(C0, j, c0, tmp)
		c.addPart(C1, j, c1, tmp)
	}
	r.NTT(c1, c1)
	r.MulCoeffsMontgomery(c1, colluders, tmp)
	r.INTT(tmp, tmp)
	r.Add(c0, tmp, c0)
	for j := range honest {
		c.addPart(Opened, j, c0, tmp)
	}
	m := make([]uint64, p.degree())
	c.ok(p.decode(c0, nodes, m))
	exact := r.NewPoly()
	p.encode(m, exact)
	r.Sub(c0, exact, c0) // K (s_0 + s_1) + flooding of two

	key := r.NewPoly() // the sum of the honest keys
	for i, e := range bigCoefficients(p, c0) {
		e.Add(e, new(big.Int).Lsh(big.NewInt(1), logK-1)).Mod(e, p.modulus())
		if e.BitLen() > logK+10 {
			e.Sub(e, p.modulus())
		}
		e.Rsh(e, logK)
		for l, q := range p.primes {
			key.Coeffs[l][i] = new(big.Int).Mod(e, new(big.Int).SetUint64(q)).Uint64()
		}
	}
	r.NTT(key, key)
	r.MForm(key, key)
	r.Add(key, colluders, key)

	x, y := r.NewPoly(), r.NewPoly() // node 0's own ciphertext
	c.addPart(C0, 0, x, tmp)
	c.addPart(C1, 0, y, tmp)
	r.NTT(y, y)
	r.MulCoeffsMontgomery(y, key, y)
	r.INTT(y, y)
	r.Add(x, y, x)
	c.ok(p.decode(x, nodes, m))
	for j := honest; j < nodes; j++ { // the pads they know
		c.ok(p.addPad(pads[j], 0, true, m))
	}
	plain := make([]uint64, p.degree())
	c.ok(p.pack(c.values[0], p.checkValue(c.ends[0].r.ctx, 0, nodes), nodes, plain))
	for i := range m {
		if m[i] == plain[i] {
			t.Fatalf("coefficient %d of an honest node shows", i)
		}
	}
	c.ok(p.addPad(pads[1], 0, true, m))
	if !slices.Equal(m, plain) {
		t.Fatal("the control is broken: without the pad the values do not show")
	}
}

// malform adds K to c1 and takes K times the keys off c0.
func malform(p *Params, logK int, keys, c0, c1 ring.Poly) {
	s := p.ring.NewPoly()
	p.ring.IMForm(keys, s)
	p.ring.INTT(s, s)
	for l, q := range p.primes {
		mod := new(big.Int).SetUint64(q)
		k := new(big.Int).Exp(big.NewInt(2), big.NewInt(int64(logK)), mod)
		c1.Coeffs[l][0] = (c1.Coeffs[l][0] + k.Uint64()) % q
		for i := range c0.Coeffs[l] {
			v := new(big.Int).Mul(k, new(big.Int).SetUint64(s.Coeffs[l][i]))
			c0.Coeffs[l][i] = (c0.Coeffs[l][i] + q - v.Mod(v, mod).Uint64()) % q
		}
	}
}

// addPart adds a part of the transcript to sum.
func (c *cluster) addPart(k Kind, node int, sum, tmp ring.Poly) {
	c.t.Helper()
	q, err := c.Part(k, node, 0)
	c.ok(err)
	c.ok(c.p.addPoly(q.Body, sum, tmp))
}
