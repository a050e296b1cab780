// Package normal gives the upper tail of the standard normal distribution and
// its inverse, accurate where thresholds live: down to 1e-300, not only to
// 1e-16. (math.Erfcinv computes Erfinv(1-x), which has lost all its digits
// there.)
package normal

import "math"

// Upper is Q(x) = P(Z > x) for a standard normal Z.
func Upper(x float64) float64 {
	return math.Erfc(x/math.Sqrt2) / 2
}

// Quantile is the smallest float64 t, to the last bit or two, with
// Upper(t) <= p: the rounding is always to the safe side. p outside (0, 1)
// gives plus or minus infinity.
func Quantile(p float64) float64 {
	if !(p > 0) {
		return math.Inf(1)
	}
	if p >= 1 {
		return math.Inf(-1)
	}
	lo, hi := -40.0, 40.0 // Upper(-40) = 1 and Upper(40) underflows to 0
	for range 200 {
		mid := lo + (hi-lo)/2
		if mid <= lo || mid >= hi {
			break
		}
		if Upper(mid) <= p {
			hi = mid
		} else {
			lo = mid
		}
	}
	return hi
}
