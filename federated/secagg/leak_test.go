package secagg

import (
	"crypto/rand"
	"encoding/binary"
	"math"
	"math/big"
	"testing"

	"github.com/tuneinsight/lattigo/v6/ring"
)

// recovered runs the known-plaintext attack of a coordinator that colludes with
// all nodes but one on that node's share. Knowing the sum and every other key, it
// knows C1 s up to the ciphertext noise. If flooding has a grid of 2^grid, coarser
// than that noise, rounding h - C1 s to the grid gives the flooding, h minus the
// flooding is C1 s exactly, and a division gives s. It returns how many of the
// key's coefficients it gets right.
func recovered(t *testing.T, p *Params, grid int, share func(l *lattice, sum ring.Poly) ring.Poly) int {
	t.Helper()
	const nodes = 3
	lat := keyed(t, p, nodes)
	r := p.ring
	c0, c1, tmp := r.NewPoly(), r.NewPoly(), r.NewPoly()
	plain := make([]uint64, p.degree()*p.tables.words)
	for _, l := range lat {
		l.b = lat[0].b
		h0, h1, err := l.encrypt(plain)
		if err != nil {
			t.Fatal(err)
		}
		if p.addPoly(h0, c0, tmp) != nil || p.addPoly(h1, c1, tmp) != nil {
			t.Fatal("wire")
		}
	}
	h := share(lat[0], *c1.CopyNew()) // the victim's share: C1 s + flooding
	r.NTT(c1, c1)
	// What the adversary knows: -(C0 + C1 (all other keys)) = C1 s - noise.
	known := r.NewPoly()
	r.Neg(c0, known)
	for _, l := range lat[1:] {
		r.MulCoeffsMontgomery(c1, l.secret.Value.Q, tmp)
		r.INTT(tmp, tmp)
		r.Sub(known, tmp, known)
	}
	r.Sub(h, known, tmp) // flooding + noise
	half := new(big.Int).Rsh(p.modulus(), 1)
	for c, e := range bigCoefficients(p, tmp) {
		if e.Cmp(half) > 0 {
			e.Sub(e, p.modulus())
		}
		e.Add(e, new(big.Int).Lsh(big.NewInt(1), uint(grid-1)))
		e.Rsh(e, uint(grid)).Lsh(e, uint(grid))
		for l, q := range p.primes {
			v := new(big.Int).Mod(e, new(big.Int).SetUint64(q)).Uint64()
			h.Coeffs[l][c] = (h.Coeffs[l][c] + q - v) % q
		}
	}
	r.NTT(h, h)
	right := 0
	for l, q := range p.primes { // s = h / C1 in the transform domain
		for i := range h.Coeffs[l] {
			inv := new(big.Int).ModInverse(new(big.Int).SetUint64(c1.Coeffs[l][i]), new(big.Int).SetUint64(q))
			if inv == nil {
				t.Skip("C1 has no inverse") // with probability 2^-45
			}
			h.Coeffs[l][i] = ring.BRed(h.Coeffs[l][i], inv.Uint64(), q, r.SubRings[l].BRedConstant)
		}
	}
	r.MForm(h, h)
	r.INTT(h, h)
	r.INTT(lat[0].secret.Value.Q, tmp)
	for i := range h.Coeffs[0] {
		if h.Coeffs[0][i] == tmp.Coeffs[0][i] && h.Coeffs[1][i] == tmp.Coeffs[1][i] {
			right++
		}
	}
	return right
}

// A share without flooding gives the whole secret key away, and so does a sampler whose
// values have a coarse grid, as a float times a large sigma has; ours gives nothing. (A wrong guess agrees in a
// coefficient modulo two primes with probability 2^-120: any agreement is a leak.)
func TestAttackKeyRecovery(t *testing.T) {
	p, err := GLM()
	if err != nil {
		t.Fatal(err)
	}
	const grid = 40
	none := func(l *lattice, x ring.Poly) ring.Poly {
		p.ring.NTT(x, x)
		p.ring.MulCoeffsMontgomery(x, l.secret.Value.Q, x)
		p.ring.INTT(x, x)
		return x
	}
	coarse := func(l *lattice, x ring.Poly) ring.Poly {
		x = none(l, x)
		var b [8]byte
		for c := range p.degree() {
			_, _ = rand.Read(b[:])
			e := new(big.Int).SetInt64(int64(binary.LittleEndian.Uint64(b[:]))) // 64 bits
			e.Lsh(e, grid)
			for l, q := range p.primes {
				v := new(big.Int).Mod(e, new(big.Int).SetUint64(q)).Uint64()
				x.Coeffs[l][c] = (x.Coeffs[l][c] + v) % q
			}
		}
		return x
	}
	for name, control := range map[string]func(*lattice, ring.Poly) ring.Poly{"coarse": coarse, "no": none} {
		if n := recovered(t, p, grid, control); n != p.degree() {
			t.Fatalf("the control is broken: %d of %d coefficients of a key under %s flooding", n, p.degree(), name)
		}
	}
	for _, g := range []int{20, grid, 64, 90} {
		n := recovered(t, p, g, func(l *lattice, x ring.Poly) ring.Poly {
			b, err := l.share(x)
			if err == nil {
				err = p.readPoly(b, x)
			}
			if err != nil {
				t.Fatal(err)
			}
			return x
		})
		if n != 0 {
			t.Fatalf("grid 2^%d: %d coefficients of the key recovered", g, n)
		}
	}
}

// The flooding is uniform on [-2^b, 2^b): never outside, and flat in its top and
// in its low bits. Each of the six chi-squares of 255 degrees of freedom passes its
// bound (6.5 standard deviations) by chance below 2e-8 of the time.
func TestFloodIsUniform(t *testing.T) {
	for _, p := range realSets(t) {
		const rounds = 2
		bound := new(big.Int).Lsh(big.NewInt(1), uint(p.flood))
		var top, low, middle [256]float64
		for range rounds {
			x := p.ring.NewPoly()
			if err := p.addFlood(x); err != nil {
				t.Fatal(err)
			}
			for _, e := range bigCoefficients(p, x) {
				if e.Cmp(new(big.Int).Rsh(p.modulus(), 1)) > 0 {
					e.Sub(e, p.modulus())
				}
				e.Add(e, bound)
				if e.Sign() < 0 || e.BitLen() > p.flood+1 {
					t.Fatalf("set %s: %v is outside", p.Name(), e)
				}
				top[new(big.Int).Rsh(e, uint(p.flood-7)).Uint64()]++
				low[new(big.Int).And(e, big.NewInt(255)).Uint64()]++
				middle[new(big.Int).And(new(big.Int).Rsh(e, 60), big.NewInt(255)).Uint64()]++
			}
		}
		want := float64(rounds*p.degree()) / 256
		for name, h := range map[string][256]float64{"top": top, "low": low, "middle": middle} {
			chi := 0.0
			for _, n := range h {
				chi += (n - want) * (n - want) / want
			}
			if math.Abs(chi-255) > 6.5*math.Sqrt(2*255) {
				t.Errorf("set %s, %s bits: chi-square %.0f", p.Name(), name, chi)
			}
		}
	}
}
