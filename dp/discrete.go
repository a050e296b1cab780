package dp

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math/big"
	"math/bits"
)

const (
	// minShareVariance is the smallest sigma^2 of one share: below it a sum of
	// discrete Gaussians is visibly not a discrete Gaussian (see discreteDistance).
	minShareVariance = 64
	// fastSigmaBits bounds sigma on the uint64 path, maxSigmaBits at all: twenty
	// sigmas of the largest still fit an int64.
	fastSigmaBits, maxSigmaBits = 56, 57
	// exponentSlack is how far, in 2^-64, the uint64 path may misplace an exponent.
	exponentSlack = 1 << 14
	// maxSteps is where a candidate leaves the uint64 path, overflowSteps where it
	// would leave int64: at most one in e^32 and in e^1700.
	maxSteps, overflowSteps = 32, 60
)

// discreteGaussian samples exactly from the discrete Gaussian of an integer
// sigma^2, P(x) ~ exp(-x^2 / (2 sigma^2)) on the integers, by algorithms 1 to 3 of
// Canonne, Kamath and Steinke (2020): rejection from a discrete Laplace of scale
// t = floor(sigma) + 1. Every decision compares a uniform number, read word by
// word, with a ratio of integers; no float takes part.
//
// The uint64 path brackets each ratio within a few units of 2^-64 and goes to
// math/big when a word falls inside the bracket, so both paths answer every
// sequence of words alike. How long a draw takes depends on what is drawn: draw
// where no one else can time it.
type discreteGaussian struct {
	t, mask    uint64
	s2hi, s2lo uint64 // sigma^2
	// 2 sigma^2 t^2 is dTop * 2^dShift, rounded down; dTop has its top bit set.
	dTop   uint64
	dShift int
	slack  uint64
	fast   bool

	sigma2, denominator *big.Int // sigma^2 and 2 sigma^2 t^2
}

// newDiscreteGaussian refuses a sigma^2 below 64 or above 2^114.
func newDiscreteGaussian(sigma2 *big.Int) (*discreteGaussian, error) {
	if sigma2 == nil || sigma2.Cmp(big.NewInt(minShareVariance)) < 0 {
		return nil, fmt.Errorf("%w: the variance of a share must be at least %d", ErrShares, minShareVariance)
	}
	if sigma2.BitLen() > 2*maxSigmaBits {
		return nil, fmt.Errorf("%w: the variance of a share must be below 2^%d", ErrShares, 2*maxSigmaBits)
	}
	t := new(big.Int).Sqrt(sigma2)
	t.Add(t, big.NewInt(1))
	d := new(big.Int).Mul(t, t)
	d.Mul(d, sigma2).Lsh(d, 1)
	g := &discreteGaussian{
		t: t.Uint64(), mask: 1<<bits.Len64(t.Uint64()-1) - 1,
		s2hi: new(big.Int).Rsh(sigma2, 64).Uint64(), s2lo: low64(sigma2),
		dShift: d.BitLen() - 64, slack: exponentSlack,
		fast:   sigma2.BitLen() <= 2*fastSigmaBits,
		sigma2: new(big.Int).Set(sigma2), denominator: d,
	}
	if g.dShift >= 0 {
		g.dTop = new(big.Int).Rsh(d, uint(g.dShift)).Uint64()
	} else {
		g.dTop = d.Uint64() << -g.dShift
	}
	return g, nil
}

func low64(x *big.Int) uint64 {
	return new(big.Int).And(x, new(big.Int).SetUint64(1<<64-1)).Uint64()
}

// draw gives one sample. ErrNoise only for one that would not fit an int64.
func (g *discreteGaussian) draw(s *wordStream) (int64, error) {
	for {
		w := s.next()
		u := w & g.mask
		if u >= g.t || !g.laplaceStep(s, u) {
			continue
		}
		steps := uint64(0)
		for s.expMinusOne() {
			steps++
		}
		if steps >= overflowSteps {
			return 0, ErrNoise
		}
		y, negative := u+g.t*steps, w>>63 == 1
		if y == 0 && negative || !g.keep(s, y, steps) {
			continue
		}
		if negative {
			return -int64(y), nil
		}
		return int64(y), nil
	}
}

// laplaceStep is true with probability exp(-u/t).
func (g *discreteGaussian) laplaceStep(s *wordStream, u uint64) bool {
	ratio := func() (*big.Int, *big.Int) { return new(big.Int).SetUint64(u), new(big.Int).SetUint64(g.t) }
	if !g.fast {
		return s.expMinusBig(ratio())
	}
	f, _ := bits.Div64(u, 0, g.t)
	return s.expMinus(f, f, ratio)
}

// keep is true with probability exp(-(y - sigma^2/t)^2 / (2 sigma^2)).
func (g *discreteGaussian) keep(s *wordStream, y, steps uint64) bool {
	whole, f, slack, ok := uint64(0), uint64(0), uint64(0), false
	if g.fast && steps < maxSteps {
		whole, f, slack, ok = g.exponent(y)
	}
	if !ok {
		return g.keepBig(s, y)
	}
	for range whole {
		if !s.expMinusOne() {
			return false
		}
	}
	return s.expMinus(f-slack, f+slack, func() (*big.Int, *big.Int) {
		_, rest := g.exponentBig(y)
		return rest, g.denominator
	})
}

// exponent splits (y t - sigma^2)^2 / (2 sigma^2 t^2), which is below 2^10, into
// a whole number and a fraction f +- slack in 2^-64. Not ok where the slack
// leaves the whole number open.
//
// Both operands keep 64 leading bits, an error of at most 2^-61.9 in the ratio,
// or 2^12.1 units here; divisions round down by less than two. Where nothing was
// cut the slack is 0 and f the exact floor.
func (g *discreteGaussian) exponent(y uint64) (whole, f, slack uint64, ok bool) {
	hi, lo := bits.Mul64(y, g.t)
	lo, borrow := bits.Sub64(lo, g.s2lo, 0)
	hi, borrow = bits.Sub64(hi, g.s2hi, borrow)
	if borrow == 1 {
		lo, borrow = bits.Sub64(0, lo, 0)
		hi, _ = bits.Sub64(0, hi, borrow)
	}
	top, cut := lo, 0
	if hi != 0 {
		cut = bits.Len64(hi)
		top = hi<<(64-cut) | lo>>cut
	}
	nh, nl := bits.Mul64(top, top)
	n2, n1, n0 := shift192(nh, nl, 64+2*cut-g.dShift)
	whole, rest := bits.Div64(n2, n1, g.dTop)
	f, _ = bits.Div64(rest, n0, g.dTop)
	if cut == 0 && g.dShift <= 0 {
		return whole, f, 0, true
	}
	return whole, f, g.slack, f >= g.slack && f <= 1<<64-1-g.slack
}

// shift192 is the 128-bit number (hi, lo) times 2^left, rounded down, of which
// the caller knows that it fits 192 bits.
func shift192(hi, lo uint64, left int) (n2, n1, n0 uint64) {
	switch {
	case left >= 64:
		l := uint(left - 64)
		return hi<<l | lo>>(64-l), lo << l, 0
	case left >= 0:
		l := uint(left)
		return hi >> (64 - l), hi<<l | lo>>(64-l), lo << l
	case left > -64:
		r := uint(-left)
		return 0, hi >> r, hi<<(64-r) | lo>>r
	default:
		return 0, 0, hi >> uint(-left-64)
	}
}

// wordStream reads random words in blocks.
type wordStream struct {
	fill func([]byte)
	buf  []byte
	at   int
}

// systemWords reads the system's CSPRNG, in blocks that suit this many draws.
// rand.Read never fails: the program ends where the system has no randomness.
func systemWords(draws int) *wordStream {
	return newWordStream(func(b []byte) { _, _ = rand.Read(b) }, min(max(draws, 4), 32)*128)
}

func newWordStream(fill func([]byte), block int) *wordStream {
	return &wordStream{fill: fill, buf: make([]byte, block), at: block}
}

func (s *wordStream) next() uint64 {
	if s.at == len(s.buf) {
		s.fill(s.buf[:])
		s.at = 0
	}
	w := binary.LittleEndian.Uint64(s.buf[s.at:])
	s.at += 8
	return w
}

// expMinus is true with probability exp(-x) for a ratio x in [0, 1) of which
// low <= x*2^64 < high+1: the parity of the first k at which a uniform number is
// not below x/k.
func (s *wordStream) expMinus(low, high uint64, ratio func() (n, d *big.Int)) bool {
	for k := uint64(1); ; k++ {
		w := s.next()
		// The uniform number times k*2^64 is in [lo, lo+k).
		hi, lo := bits.Mul64(w, k)
		switch {
		case hi > 0 || lo > high:
			return k&1 == 1
		case k <= low && lo <= low-k:
			continue
		}
		n, d := ratio()
		if !s.below(n, d, k, w) {
			return k&1 == 1
		}
	}
}

// expMinusOne is true with probability 1/e. The first uniform number is below
// 1/1 whatever it is.
func (s *wordStream) expMinusOne() bool {
	for k := uint64(2); ; k++ {
		w := s.next()
		hi, lo := bits.Mul64(w, k)
		switch {
		case hi > 0:
			return k&1 == 1
		case lo <= -k:
			continue
		}
		if !s.below(big.NewInt(1), big.NewInt(1), k, w) {
			return k&1 == 1
		}
	}
}
