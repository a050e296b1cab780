package dp

import "math"

// z95 is the two-sided 95 % point of the normal distribution.
const z95 = 1.959963984540054

// Ratio derives of/by*scale from two released scalars of one group. The
// interval is Fieller's (1954) for independent normal noise of the known
// sigmas. It is false where the denominator cannot be told from zero, or
// either is not a scalar.
func Ratio(of, by Measured, scale float64) (Measured, bool) {
	if of.Values != nil || by.Values != nil {
		return Measured{}, false
	}
	so, sb := sigmaOf(of), sigmaOf(by)
	low, high, ok := fieller(of.Value, by.Value, so*so, 0, sb*sb)
	if !ok {
		return Measured{}, false
	}
	return Measured{Value: of.Value / by.Value * scale, Low: low * scale, High: high * scale}, true
}

// Share derives of/sum(parts)*scale, where of is one of the parts. The part's
// noise is in both, which the interval (Fieller, with covariance) allows for.
// It is false where the sum cannot be told from zero.
func Share(of Measured, parts []Measured, scale float64) (Measured, bool) {
	if of.Values != nil {
		return Measured{}, false
	}
	var total, variance float64
	for _, p := range parts {
		s := sigmaOf(p)
		total += p.Value
		variance += s * s
	}
	so := sigmaOf(of)
	low, high, ok := fieller(of.Value, total, so*so, so*so, variance)
	if !ok {
		return Measured{}, false
	}
	return Measured{Value: of.Value / total * scale, Low: low * scale, High: high * scale}, true
}

// sigmaOf is the noise of a released scalar, from its interval.
func sigmaOf(m Measured) float64 { return (m.High - m.Low) / 2 / z95 }

// fieller is the 95 % confidence set of the ratio of two normal estimates (Fieller
// 1954): every s for which x - s*t is within z95 of zero in its own standard
// deviation. vxx, vxt and vtt are their covariances. ok is false when the set is
// unbounded, t being too near zero.
func fieller(x, t, vxx, vxt, vtt float64) (low, high float64, ok bool) {
	const z2 = z95 * z95
	a := t*t - z2*vtt
	if !(a > 0) || t <= 0 {
		return 0, 0, false
	}
	b := x*t - z2*vxt
	// b^2 - a(x^2 - z2 vxx), multiplied out so that the large terms do not cancel.
	disc := z2 * (t*t*vxx - 2*x*t*vxt + x*x*vtt + z2*(vxt*vxt-vxx*vtt))
	root := math.Sqrt(math.Max(0, disc))
	return (b - root) / a, (b + root) / a, true
}
