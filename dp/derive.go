package dp

import "math"

// z95 is the two-sided 95 % point of the normal distribution.
const z95 = 1.959963984540054

// Ratio derives of/by*scale from two released numbers of one group, or position
// by position from two axes with the same positions, or from an axis and a
// scalar. The interval is Fieller's (1954) for independent normal noise of the
// known sigmas; along an axis over one scalar it is that of each position by
// itself. A position whose denominator cannot be told from zero is left out. It
// is false where nothing is left, or by is an axis and of is not.
func Ratio(of, by Measured, scale float64) (Measured, bool) {
	if of.Values == nil {
		p, ok := ratioAt(scalar(of), by, scale)
		return Measured{Value: p.Value, Low: p.Low, High: p.High}, ok
	}
	at := map[string]Point{}
	for _, p := range by.Values {
		at[p.At] = p
	}
	out := Measured{}
	for _, p := range of.Values {
		below := by
		if by.Values != nil {
			b, ok := at[p.At]
			if !ok {
				return Measured{}, false // two different axes
			}
			below = Measured{Value: b.Value, Low: b.Low, High: b.High}
		}
		if r, ok := ratioAt(p, below, scale); ok {
			out.Values = append(out.Values, r)
		}
	}
	return out, len(out.Values) > 0
}

func ratioAt(of Point, by Measured, scale float64) (Point, bool) {
	if by.Values != nil {
		return Point{}, false
	}
	so, sb := of.sigma(), sigmaOf(by)
	low, high, ok := fieller(of.Value, by.Value, so*so, 0, sb*sb)
	if !ok {
		return Point{}, false
	}
	return Point{At: of.At, Value: of.Value / by.Value * scale, Low: low * scale, High: high * scale}, true
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
func sigmaOf(m Measured) float64 { return scalar(m).sigma() }

// sigma is the noise of one position, from its interval.
func (p Point) sigma() float64 { return (p.High - p.Low) / 2 / z95 }

// scalar is a measured number as a point without a position.
func scalar(m Measured) Point { return Point{Value: m.Value, Low: m.Low, High: m.High} }

// about is a value with its 95 % interval for normal noise.
func about(at string, value, variance float64) Point {
	w := z95 * math.Sqrt(variance)
	return Point{At: at, Value: value, Low: value - w, High: value + w}
}

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
