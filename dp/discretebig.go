package dp

import "math/big"

// The same decisions in math/big: for sigmas beyond the uint64 path, for the
// words that fall inside its brackets, and as the yardstick of its tests.

// below is whether a uniform number is below n/(d*k) when its first word is w,
// reading further words as long as they leave it open.
func (s *wordStream) below(n, d *big.Int, k, w uint64) bool {
	den := new(big.Int).Mul(d, new(big.Int).SetUint64(k))
	num := new(big.Int).Set(n)
	for {
		// The rest of the number is uniform again, to be below num*2^64/den - w.
		num.Lsh(num, 64)
		num.Sub(num, new(big.Int).Mul(new(big.Int).SetUint64(w), den))
		if num.Sign() <= 0 {
			return false
		}
		if num.Cmp(den) >= 0 {
			return true
		}
		w = s.next()
	}
}

// expMinusBig is true with probability exp(-n/d), n/d in [0, 1).
func (s *wordStream) expMinusBig(n, d *big.Int) bool {
	for k := uint64(1); ; k++ {
		if !s.below(n, d, k, s.next()) {
			return k&1 == 1
		}
	}
}

// keepBig is keep for any y.
func (g *discreteGaussian) keepBig(s *wordStream, y uint64) bool {
	whole, rest := g.exponentBig(y)
	for ; whole.Sign() > 0; whole.Sub(whole, big.NewInt(1)) {
		if !s.expMinusOne() {
			return false
		}
	}
	return s.expMinusBig(rest, g.denominator)
}

// exponentBig is (y t - sigma^2)^2 / (2 sigma^2 t^2) as a whole number and the
// numerator of the rest.
func (g *discreteGaussian) exponentBig(y uint64) (whole, rest *big.Int) {
	x := new(big.Int).SetUint64(y)
	x.Mul(x, new(big.Int).SetUint64(g.t))
	x.Sub(x, g.sigma2)
	x.Mul(x, x)
	return x.QuoRem(x, g.denominator, new(big.Int))
}
