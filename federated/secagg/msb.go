package secagg

import (
	"fmt"
	"math/big"
	"math/bits"

	"github.com/tuneinsight/lattigo/v6/ring"
)

// maxWords bounds the words of a plaintext coefficient (4) and of a decoder's
// fraction (two more).
const (
	maxWords    = 4
	maxFraction = maxWords + 2
)

// tables are the constants of the most-significant-bit codec. With k = logT, a
// coefficient m is carried as floor(Q m / 2^k). Because Q m - (Q m mod 2^k) is a
// multiple of 2^k, that is -(Q m mod 2^k) 2^-k modulo every prime: nothing is
// rounded, and sums wrap exactly at 2^k.
type tables struct {
	words, fraction int // 64-bit words of a coefficient and of a fraction
	topMask         uint64
	q               [maxWords]uint64 // Q mod 2^(64 words)
	primes          []primeTable
	residue         uint64 // bound of a decoded residue for one node, see decode
}

// primeTable holds a prime's constants; "M" marks Montgomery form (times 2^64).
type primeTable struct {
	q, inv   uint64
	encode   [maxWords]uint64    // -2^(64 j) 2^-k, M
	word     [2]uint64           // 2^(64 j), M
	floor    uint64              // 2^flood
	hatInv   uint64              // (Q/q)^-1, M
	fraction [maxFraction]uint64 // floor(2^(64 fraction) / q)
}

func newTables(s set, r *ring.Ring) tables {
	t := tables{words: (s.logT + 63) / 64}
	t.fraction = t.words + 2
	t.topMask = ^uint64(0) >> (64*t.words - s.logT)
	bigQ := s.modulus()
	setWords(t.q[:t.words], bigQ)
	for i, q := range s.primes {
		t.primes = append(t.primes, newPrimeTable(s, t, q, r.SubRings[i].MRedConstant, bigQ))
	}
	// One node's flooding, and a 2^-16 of it for all smaller noise, in steps of
	// Q/2^k, as a fraction of 2^64.
	e := new(big.Int).Lsh(big.NewInt(1<<16+1), uint(s.flood-16+s.logT+64))
	t.residue = e.Add(e.Quo(e, bigQ), big.NewInt(1)).Uint64()
	return t
}

func newPrimeTable(s set, t tables, q, inv uint64, bigQ *big.Int) primeTable {
	mod := new(big.Int).SetUint64(q)
	pow2 := func(e int) *big.Int { return new(big.Int).Exp(big.NewInt(2), big.NewInt(int64(e)), mod) }
	mont := func(x *big.Int) uint64 {
		x = new(big.Int).Mul(x, pow2(64))
		return x.Mod(x, mod).Uint64()
	}
	pt := primeTable{q: q, inv: inv, floor: pow2(s.flood).Uint64()}
	down := new(big.Int).ModInverse(pow2(s.logT), mod)
	down.Neg(down)
	for j := range t.words {
		pt.encode[j] = mont(new(big.Int).Mul(down, pow2(64*j)))
	}
	for j := range pt.word {
		pt.word[j] = mont(pow2(64 * j))
	}
	hat := new(big.Int).Quo(bigQ, mod)
	pt.hatInv = mont(hat.ModInverse(hat.Mod(hat, mod), mod))
	f := new(big.Int).Lsh(big.NewInt(1), uint(64*t.fraction))
	setWords(pt.fraction[:t.fraction], f.Quo(f, mod))
	return pt
}

// setWords writes x mod 2^(64 len(w)), least word first.
func setWords(w []uint64, x *big.Int) {
	x = new(big.Int).Set(x)
	low := new(big.Int).SetUint64(^uint64(0))
	for i := range w {
		w[i] = new(big.Int).And(x, low).Uint64()
		x.Rsh(x, 64)
	}
}

// mulLow adds y*f to z modulo 2^(64 len(z)).
func mulLow(z, f []uint64, y uint64) {
	var carry uint64
	for i := range z {
		hi, lo := bits.Mul64(f[i], y)
		lo, c := bits.Add64(lo, carry, 0)
		carry = hi + c
		z[i], c = bits.Add64(z[i], lo, 0)
		carry += c
	}
}

// encode adds floor(Q m / 2^k) to every coefficient of x. m holds one integer
// below 2^k per coefficient, in words, least first.
func (p *Params) encode(m []uint64, x ring.Poly) {
	t, w := &p.tables, p.tables.words
	for c := range p.degree() {
		var low [maxWords]uint64
		for j := range w { // Q m mod 2^(64 w)
			mulLow(low[j:w], t.q[:w-j], m[c*w+j])
		}
		low[w-1] &= t.topMask
		for l := range t.primes {
			pt := &t.primes[l]
			v := x.Coeffs[l][c]
			for j := range w {
				v = ring.CRed(v+ring.MRed(low[j], pt.encode[j], pt.q, pt.inv), pt.q)
			}
			x.Coeffs[l][c] = v
		}
	}
}

// decode rounds 2^k x / Q to the integer m mod 2^k of every coefficient, by the
// fraction x/Q = sum of ([x (Q/q)^-1] mod q) / q over the primes, kept to 128
// bits beyond 2^k. The rounding residue is what flooding and noise left; one
// beyond the flooding of all nodes is ErrSpoiled.
func (p *Params) decode(x ring.Poly, nodes int, m []uint64) error {
	t, w, d := &p.tables, p.tables.words, p.tables.fraction
	shift := 64*d - p.logT
	limit := t.residue * uint64(nodes)
	for c := range p.degree() {
		var f [maxFraction + 1]uint64
		for l := range t.primes {
			pt := &t.primes[l]
			mulLow(f[:d], pt.fraction[:d], ring.MRed(x.Coeffs[l][c], pt.hatInv, pt.q, pt.inv))
		}
		var carry uint64
		half := shift - 1
		f[half/64], carry = bits.Add64(f[half/64], 1<<(half%64), 0)
		for j := half/64 + 1; j < d; j++ {
			f[j], carry = bits.Add64(f[j], 0, carry)
		}
		residue := wordAt(f[:], shift-64) - 1<<63
		if residue > limit && -residue > limit {
			return fmt.Errorf("%w: coefficient %d is noisier than all flooding", ErrSpoiled, c)
		}
		for j := range w {
			m[c*w+j] = wordAt(f[:d], shift+64*j)
		}
		m[c*w+w-1] &= t.topMask
	}
	return nil
}

// wordAt is the 64 bits of f from bit i on; beyond f there are zeros.
func wordAt(f []uint64, i int) uint64 {
	v := f[i/64] >> (i % 64)
	if i%64 > 0 && i/64+1 < len(f) {
		v |= f[i/64+1] << (64 - i%64)
	}
	return v
}
