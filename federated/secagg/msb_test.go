package secagg

import (
	"math/big"
	"slices"
	"testing"

	"github.com/tuneinsight/lattigo/v6/ring"
	"pgregory.net/rapid"
)

// bigCoefficients reads a ring element as integers in [0, Q), by the library.
func bigCoefficients(p *Params, x ring.Poly) []*big.Int {
	out := make([]*big.Int, p.degree())
	p.ring.PolyToBigint(x, 1, out)
	return out
}

func wordsOf(t *rapid.T, p *Params) ([]uint64, []*big.Int) {
	w := p.tables.words
	m := make([]uint64, p.degree()*w)
	var all []*big.Int
	for c := range p.degree() {
		v := new(big.Int)
		for j := w - 1; j >= 0; j-- {
			m[c*w+j] = rapid.OneOf(rapid.Uint64(), rapid.Just(uint64(0)), rapid.Just(^uint64(0))).Draw(t, "word")
			if j == w-1 {
				m[c*w+j] &= p.tables.topMask
			}
			v.Lsh(v, 64).Add(v, new(big.Int).SetUint64(m[c*w+j]))
		}
		all = append(all, v)
	}
	return m, all
}

// The encoder is floor(Q m / 2^k), checked against big integers, and the decoder
// gives m back under any noise within the flooding of all nodes.
func TestCodec(t *testing.T) {
	for _, p := range both(t) {
		bigQ := p.modulus()
		rapid.Check(t, func(t *rapid.T) {
			m, want := wordsOf(t, p)
			x := p.ring.NewPoly()
			p.encode(m, x)
			for c, got := range bigCoefficients(p, x) {
				e := new(big.Int).Mul(bigQ, want[c])
				if got.Cmp(e.Rsh(e, uint(p.logT))) != 0 {
					t.Fatalf("%s: coefficient %d of %v is %v, not %v", p.Name(), c, want[c], got, e)
				}
			}
			nodes := rapid.IntRange(MinOrganisations, MaxNodes).Draw(t, "nodes")
			noise := new(big.Int).Lsh(big.NewInt(int64(nodes)), uint(p.flood))
			if rapid.Bool().Draw(t, "below") {
				noise.Neg(noise)
			}
			shiftAll(p, x, noise)
			got := make([]uint64, len(m))
			if err := p.decode(x, nodes, got); err != nil {
				t.Fatal(err)
			}
			for i := range m {
				if got[i] != m[i] {
					t.Fatalf("%s: word %d is %x, not %x", p.Name(), i, got[i], m[i])
				}
			}
			shiftAll(p, x, noise.Rsh(noise, 8)) // beyond what honest nodes add
			if err := p.decode(x, nodes, got); err == nil {
				t.Fatal("too much noise passes")
			}
		})
	}
}

// shiftAll adds one integer to every coefficient.
func shiftAll(p *Params, x ring.Poly, by *big.Int) {
	for l, q := range p.primes {
		r := new(big.Int).Mod(by, new(big.Int).SetUint64(q)).Uint64()
		for i := range x.Coeffs[l] {
			x.Coeffs[l][i] = (x.Coeffs[l][i] + r) % q
		}
	}
}

// Pads of all pairs vanish from the sum, and one node's padded plaintext alone
// says nothing: with a fresh key it differs in about half of its bits.
func TestPadsCancel(t *testing.T) {
	for _, p := range both(t) {
		const nodes = 5
		w := p.tables.words
		sum := make([]uint64, p.degree()*w)
		for i := range nodes {
			m := make([]uint64, len(sum))
			for j := range nodes {
				if i == j {
					continue
				}
				if err := p.addPad(hash("pad", place(min(i, j), max(i, j))), 3, j < i, m); err != nil {
					t.Fatal(err)
				}
			}
			if m[0] == 0 || m[len(m)-1] == 0 {
				t.Fatalf("%s: node %d is not padded", p.Name(), i)
			}
			p.addPlain(sum, m)
			for _, chunk := range []int{0, 4, 1 << 16} { // no chunk has another's pad
				other := slices.Clone(m)
				for j := range nodes {
					if i != j && p.addPad(hash("pad", place(min(i, j), max(i, j))), chunk, j > i, other) != nil {
						t.Fatal("pad")
					}
				}
				if n := len(other) - len(slices.DeleteFunc(other, func(v uint64) bool { return v == 0 })); n > 0 {
					t.Fatalf("%s: %d words have the same pad in chunks 3 and %d", p.Name(), n, chunk)
				}
			}
		}
		for i, v := range sum {
			if v != 0 {
				t.Fatalf("%s: word %d of the sum is %x", p.Name(), i, v)
			}
		}
	}
}

// addPlain adds plaintexts modulo 2^logT, by big integers.
func (p *Params) addPlain(sum, m []uint64) {
	w := p.tables.words
	mod := new(big.Int).Lsh(big.NewInt(1), uint(p.logT))
	for c := 0; c < len(sum); c += w {
		v := new(big.Int)
		for j := w - 1; j >= 0; j-- {
			v.Lsh(v, 64).Add(v, new(big.Int).SetUint64(m[c+j]))
		}
		s := new(big.Int)
		for j := w - 1; j >= 0; j-- {
			s.Lsh(s, 64).Add(s, new(big.Int).SetUint64(sum[c+j]))
		}
		setWords(sum[c:c+w], v.Mod(v.Add(v, s), mod))
	}
}

// The wire form of a ring element is its only one: it round-trips, and a residue
// at or above its prime is refused.
func TestWirePoly(t *testing.T) {
	for _, p := range both(t) {
		rapid.Check(t, func(t *rapid.T) {
			x, y := p.ring.NewPoly(), p.ring.NewPoly()
			for l, q := range p.primes {
				for i := range x.Coeffs[l] {
					x.Coeffs[l][i] = rapid.OneOf(rapid.Uint64Range(0, q-1), rapid.Just(q-1)).Draw(t, "residue")
				}
			}
			b := p.appendPoly(nil, x)
			if err := p.readPoly(b, y); err != nil || !x.Equal(&y) || len(b) != p.PolyBytes() {
				t.Fatalf("%s: %v", p.Name(), err)
			}
			l, i := rapid.IntRange(0, len(p.primes)-1).Draw(t, "prime"), rapid.IntRange(0, p.degree()-1).Draw(t, "at")
			x.Coeffs[l][i] = rapid.Uint64Range(p.primes[l], residueMask).Draw(t, "too large")
			if p.readPoly(p.appendPoly(nil, x), y) == nil || p.readPoly(b[1:], y) == nil || p.readPoly(append(b, 0), y) == nil {
				t.Fatalf("%s: bad bytes pass", p.Name())
			}
		})
	}
}
