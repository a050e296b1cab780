package glm

import "math"

// The compiler may fuse x*y + z on some machines and not on others. An explicit
// conversion forbids it, so every product of floats in this package is written
// float64(x*y); a test reads the source for others. Sums, quotients and square
// roots are exactly rounded everywhere; math.Exp and math.Log are not, so they
// are not used.

const (
	ln2Hi  = 6.93147180369123816490e-01 // the leading 33 bits of ln 2
	ln2Lo  = 1.90821492927058770002e-10 // the rest
	maxExp = 700
)

// dot is sum a[i] b[i], added from the left.
func dot(a, b []float64) float64 {
	s := 0.0
	for i, x := range a {
		s += float64(x * b[i])
	}
	return s
}

// exp is e^x to about one unit in the last place, the same bits on every
// machine. Beyond +-700 it stays at e^+-700.
func exp(x float64) float64 {
	x = min(max(x, -maxExp), maxExp)
	k := math.RoundToEven(float64(x / math.Ln2))
	r := x - float64(k*ln2Hi)
	r -= float64(k * ln2Lo) // |r| <= 0.3466
	s := 1.0
	for i := 14; i >= 1; i-- { // Taylor: the next term is below 2e-19
		s = 1 + float64(s*r)/float64(i)
	}
	return math.Ldexp(s, int(k))
}

// log is the natural logarithm of a positive number to about one unit in the
// last place, the same bits on every machine.
func log(x float64) float64 {
	m, e := math.Frexp(x) // m in [1/2, 1)
	if m < math.Sqrt2/2 {
		m, e = float64(m*2), e-1
	}
	// ln m = 2 atanh(z), z = (m-1)/(m+1), |z| <= 0.1716
	z := (m - 1) / (m + 1)
	z2 := float64(z * z)
	s := 0.0
	for i := 25; i >= 3; i -= 2 {
		s = float64(z2 * (1/float64(i) + s))
	}
	k := float64(e)
	small := float64(k*ln2Lo) + float64(2*float64(z*s))
	return float64(k*ln2Hi) + (float64(2*z) + small)
}

// sigmoid is 1/(1+e^-eta).
func sigmoid(eta float64) float64 {
	if eta >= 0 {
		return 1 / (1 + exp(-eta))
	}
	e := exp(eta)
	return e / (1 + e)
}
