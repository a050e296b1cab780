package dp

import "math"

// Sum adds released numbers with independent noise: scalars, or axes position by
// position. Variances add. The unit is the first part's. It is false where there
// is nothing to add or the axes differ.
func Sum(parts []Measured) (Measured, bool) {
	if len(parts) == 0 {
		return Measured{}, false
	}
	out := Measured{Name: parts[0].Name, Unit: parts[0].Unit}
	points := make([]Point, 0, len(parts))
	if parts[0].Values == nil {
		for _, p := range parts {
			if p.Values != nil {
				return Measured{}, false
			}
			points = append(points, scalar(p))
		}
		total := sumOf("", points)
		out.Value, out.Low, out.High = total.Value, total.Low, total.High
		return out, true
	}
	for i, first := range parts[0].Values {
		points = points[:0]
		for _, p := range parts {
			if len(p.Values) != len(parts[0].Values) || p.Values[i].At != first.At {
				return Measured{}, false
			}
			points = append(points, p.Values[i])
		}
		out.Values = append(out.Values, sumOf(first.At, points))
	}
	return out, true
}

func sumOf(at string, points []Point) Point {
	var value, variance float64
	for _, p := range points {
		s := p.sigma()
		value, variance = value+p.Value, variance+s*s
	}
	return about(at, value, variance)
}

// Times multiplies every position of an axis by its public factor: the share of
// a layer that is used by the layer's cover. Factors are finite. It is false
// where their number is not the axis'.
func Times(of Measured, factors []float64) (Measured, bool) {
	if of.Values == nil || len(of.Values) != len(factors) {
		return Measured{}, false
	}
	out := Measured{Values: make([]Point, len(factors))}
	for i, p := range of.Values {
		s := factors[i] * p.sigma()
		out.Values[i] = about(p.At, factors[i]*p.Value, s*s)
	}
	return out, true
}

// Funnel turns a histogram of the furthest step reached into the number that
// reached each step or more, and the share of each step's that reached the next,
// named by the next. The sums from each step on are made monotone (pool adjacent
// violators); their intervals have the variances of what was added. A share has
// Fieller's interval with the noise that both numbers have in common, within
// [0, 1]; it is left out where its step cannot be told from empty. ok is false
// for a scalar.
func Funnel(furthest Measured) (reached, conversion Measured, ok bool) {
	n := len(furthest.Values)
	if n == 0 {
		return Measured{}, Measured{}, false
	}
	falling, variance := make([]float64, n), make([]float64, n)
	var sum, spread float64
	for i := n - 1; i >= 0; i-- {
		s := furthest.Values[i].sigma()
		sum, spread = sum+furthest.Values[i].Value, spread+s*s
		falling[i], variance[i] = -sum, spread
	}
	falling = monotone(falling)
	for i, p := range furthest.Values {
		reached.Values = append(reached.Values, about(p.At, -falling[i], variance[i]))
		if i == 0 {
			continue
		}
		low, high, ok := fieller(-falling[i], -falling[i-1], variance[i], variance[i], variance[i-1])
		if !ok {
			continue
		}
		clip := func(x float64) float64 { return math.Min(math.Max(x, 0), 1) }
		conversion.Values = append(conversion.Values, Point{At: p.At, Value: clip(falling[i] / falling[i-1]), Low: clip(low), High: clip(high)})
	}
	return reached, conversion, true
}

// Change compares an axis' mean from position first on with the mean before it:
// their difference, or with relative the later over the earlier. The noise of
// positions is independent; the ratio's interval is Fieller's. ok is false where
// one side has no positions, or the earlier mean cannot be told from zero.
func Change(of Measured, first int, relative bool) (Measured, bool) {
	if first < 1 || first >= len(of.Values) {
		return Measured{}, false
	}
	mean := func(points []Point) (value, variance float64) {
		n, total := float64(len(points)), sumOf("", points)
		s := total.sigma()
		return total.Value / n, s * s / (n * n)
	}
	before, vb := mean(of.Values[:first])
	after, va := mean(of.Values[first:])
	if !relative {
		p := about("", after-before, va+vb)
		return Measured{Value: p.Value, Low: p.Low, High: p.High}, true
	}
	low, high, ok := fieller(after, before, va, 0, vb)
	if !ok {
		return Measured{}, false
	}
	return Measured{Value: after / before, Low: low, High: high}, true
}

// LossRatio is the sum of benefits over the sum of premiums earned, premium[i] per
// unit of exposure[i]. Premiums are public; benefits and exposures carry
// independent noise, the interval is Fieller's. ok is false where the lengths
// differ, one of them is an axis, or the premiums earned cannot be told from
// zero.
func LossRatio(benefits, exposures []Measured, premiums []float64) (Measured, bool) {
	if len(benefits) != len(exposures) || len(benefits) != len(premiums) {
		return Measured{}, false
	}
	paid, ok := Sum(benefits)
	if !ok || paid.Values != nil {
		return Measured{}, false
	}
	var earned, variance float64
	for i, e := range exposures {
		if e.Values != nil {
			return Measured{}, false
		}
		s := premiums[i] * sigmaOf(e)
		earned, variance = earned+premiums[i]*e.Value, variance+s*s
	}
	s := sigmaOf(paid)
	low, high, ok := fieller(paid.Value, earned, s*s, 0, variance)
	if !ok {
		return Measured{}, false
	}
	return Measured{Value: paid.Value / earned, Low: low, High: high}, true
}
