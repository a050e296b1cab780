package secagg

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/big"

	"github.com/tuneinsight/lattigo/v6/core/rlwe"
	"github.com/tuneinsight/lattigo/v6/ring"
)

// Limits of a roster and of a vector.
const (
	MinOrganisations = 3   // fewer would show one's numbers to the only other
	MaxNodes         = 128 // what the parameters' headroom is proven for
	MaxChunks        = 256 // ciphertexts per attempt
)

// residueBits is the length of a packed residue: every prime is below 2^60.
const residueBits = 60

// errorSigma is the standard deviation of fresh errors, and ternaryVariance the
// variance of keys and encryption randomness: the library's defaults, which the
// constructor checks.
const (
	errorSigma      = 3.2
	ternaryVariance = 2.0 / 3
)

// set is what identifies a parameter set.
type set struct {
	name   string
	logN   int      // log2 of the ring degree n
	primes []uint64 // Q is their product
	logT   int      // plaintext coefficients are integers mod t = 2^logT
	digits int      // numbers per coefficient
	width  int      // bits per number
	flood  int      // shares are flooded uniformly in [-2^flood, 2^flood)
}

// Primes below 2^60 that are 1 mod 2^16, so that they serve both ring degrees.
const (
	prime0 = 0xffffffffffc0001
	prime1 = 0xfffffffff840001
	prime2 = 0xfffffffff6a0001
	prime3 = 0xfffffffff5a0001
	prime4 = 0xfffffffff550001
	prime5 = 0xfffffffff330001
)

// Params is one parameter set, with the tables made from it. It is immutable and
// may be shared between goroutines.
type Params struct {
	set
	id     Hash
	rlwe   rlwe.Parameters
	ring   *ring.Ring
	tables tables
}

// GLM returns set G, for the sums of a generalised linear model: degree 8192,
// 180 bits of modulus, one integer mod 2^62 per coefficient, flooding 2^104.
func GLM() (*Params, error) {
	return newParams(set{
		name: "G", logN: 13, primes: []uint64{prime0, prime1, prime2},
		logT: 62, digits: 1, width: 62, flood: 104,
	})
}

// Vector returns set V, for long vectors: degree 16384, 360 bits of modulus,
// seven numbers of 36 bits per coefficient, flooding 2^92.
func Vector() (*Params, error) {
	return newParams(set{
		name: "V", logN: 14, primes: []uint64{prime0, prime1, prime2, prime3, prime4, prime5},
		logT: 252, digits: 7, width: 36, flood: 92,
	})
}

func newParams(s set) (p *Params, err error) {
	defer border(&err, nil)
	lit := rlwe.ParametersLiteral{
		LogN: s.logN, Q: s.primes,
		Xs: ring.Ternary{P: ternaryVariance},
		Xe: ring.DiscreteGaussian{Sigma: errorSigma, Bound: 6 * errorSigma},
	}
	rp, err := rlwe.NewParametersFromLiteral(lit)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrOptions, err)
	}
	p = &Params{set: s, id: s.hash(), rlwe: rp, ring: rp.RingQ()}
	p.tables = newTables(s, p.ring)
	return p, nil
}

// hash is the identity of a set: everything that decides bytes or security.
func (s set) hash() Hash {
	b := []byte(s.name)
	for _, v := range []int{s.logN, s.logT, s.digits, s.width, s.flood, residueBits, MaxNodes, MaxChunks} {
		b = binary.BigEndian.AppendUint32(b, uint32(v))
	}
	b = binary.BigEndian.AppendUint64(b, math.Float64bits(errorSigma))
	b = binary.BigEndian.AppendUint64(b, math.Float64bits(ternaryVariance))
	for _, q := range s.primes {
		b = binary.BigEndian.AppendUint64(b, q)
	}
	return hash("params", b)
}

// Name is "G" or "V".
func (p *Params) Name() string { return p.name }

// ID is the digest of the set: primes, sizes, flooding and distributions. It is
// part of every context, so nodes with other parameters cannot take part.
func (p *Params) ID() Hash { return p.id }

func (p *Params) degree() int { return 1 << p.logN }

// Capacity is how many numbers one ciphertext carries; the last place is the
// check slot.
func (p *Params) Capacity() int { return p.degree()*p.digits - 1 }

// Chunks is how many ciphertexts a vector of the given length takes.
func (p *Params) Chunks(length int) int {
	return (length + p.Capacity() - 1) / p.Capacity()
}

// MaxAbs is the largest absolute value a node may send when there are so many
// nodes: their sum is then always exact.
func (p *Params) MaxAbs(nodes int) int64 {
	return (int64(1)<<(p.width-1) - 1) / int64(nodes)
}

// PolyBytes is the length of a key share, of one half of a ciphertext and of one
// decryption share on the wire: 60 bits a residue.
func (p *Params) PolyBytes() int {
	return p.degree() * len(p.primes) * residueBits / 8
}

// logQ is log2 of the modulus.
func (s set) logQ() float64 {
	f := 0.0
	for _, q := range s.primes {
		f += math.Log2(float64(q))
	}
	return f
}

func (s set) modulus() *big.Int {
	q := big.NewInt(1)
	for _, v := range s.primes {
		q.Mul(q, new(big.Int).SetUint64(v))
	}
	return q
}

// NoiseSigma predicts the standard deviation of a coefficient's noise in the sum
// of one fresh ciphertext per node under the key of all nodes: each ciphertext
// holds e*u + e0 + e1*s with e and s sums of one term per node, so that its
// variance is sigma^2 (2 n N Var(ternary) + 1).
func (p *Params) NoiseSigma(nodes int) float64 {
	n, k := float64(p.degree()), float64(nodes)
	return errorSigma * math.Sqrt(k*(2*n*k*ternaryVariance+1))
}

// noiseTail: ciphertext noise is taken as below so many standard deviations,
// which one Gaussian coefficient passes with probability 1.5e-23.
const noiseTail = 10

// Margin is the statistical security of the flooding in bits, for everything
// decrypted under one key: flood - log2(ciphertext noise) - log2(coefficients).
// The protocol asks for at least 40.
func (p *Params) Margin(nodes, chunks int) float64 {
	return float64(p.flood) - math.Log2(noiseTail*p.NoiseSigma(nodes)) -
		math.Log2(float64(chunks*p.degree()))
}

// Headroom is how many bits all flooding together stays below the rounding step
// of the decoder: logQ - logT - 1 - flood - log2(nodes). It must be positive.
func (p *Params) Headroom(nodes int) float64 {
	return p.logQ() - float64(p.logT) - 1 - float64(p.flood) - math.Log2(float64(nodes))
}
