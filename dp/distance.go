package dp

import "math"

// Distance compares group i's distribution over the positions of an axis with that
// of all shown groups together, i among them: the total variation distance, half
// the sum of the differences of the shares, 0 to 1. feature names what a position
// belongs to; positions of one feature are one distribution, and where there are
// several features the result has one Point for each.
//
// Shares are of noisy numbers over their noisy sum. Noise does not cancel in a sum
// of differences: alike groups seem apart, by about half of what the shares' errors
// add up to. So the interval is a bound, not a quantile: by the triangle inequality
// the noise moves the distance by no more than half the sum of its own differences
// e. That is a convex function of normal noise; its mean is known from the variances
// of e, its median is not above its mean, and it exceeds it by t with probability
// at most that of a normal with the standard deviation L, its Lipschitz constant
// (Tsirelson, Ibragimov and Sudakov 1976). The three things that can go wrong (the
// two sums and this) share the 5 %. It holds the true distance in at least 95 %;
// a lower end of 0 means that the groups may be alike.
//
// A feature whose sums cannot be told from zero is left out. ok is false where none
// is left, where axes differ, or where there are fewer than two groups.
func Distance(shown []Measured, i int, feature func(at string) string) (out Measured, ok bool) {
	if i < 0 || i >= len(shown) || len(shown) < 2 || len(shown[i].Values) == 0 {
		return Measured{}, false
	}
	for _, m := range shown {
		if len(m.Values) != len(shown[i].Values) {
			return Measured{}, false
		}
	}
	var names []string
	positions := map[string][]int{}
	for b, p := range shown[i].Values {
		name := feature(p.At)
		if positions[name] == nil {
			names = append(names, name)
		}
		positions[name] = append(positions[name], b)
	}
	for _, name := range names {
		own, rest := distribution{}, distribution{}
		for _, b := range positions[name] {
			own.add(shown[i].Values[b])
			var others []Point
			for j, m := range shown {
				if m.Values[b].At != shown[i].Values[b].At {
					return Measured{}, false
				}
				if j != i {
					others = append(others, m.Values[b])
				}
			}
			rest.add(sumOf("", others))
		}
		if p, ok := own.distance(rest); ok {
			p.At = name
			out.Values = append(out.Values, p)
		}
	}
	if len(names) == 1 && len(out.Values) == 1 {
		p := out.Values[0]
		return Measured{Value: p.Value, Low: p.Low, High: p.High}, true
	}
	return out, len(out.Values) > 0
}

// distribution is the numbers of one feature's positions and their variances.
type distribution struct {
	values, variances []float64
	sum, variance     float64
}

func (d *distribution) add(p Point) {
	s := p.sigma()
	d.values, d.variances = append(d.values, p.Value), append(d.variances, s*s)
	d.sum, d.variance = d.sum+p.Value, d.variance+s*s
}

// zThird is the one-sided point of the normal distribution for a third of 5 %.
const zThird = 2.128045

// distance of own from own and rest together.
func (own *distribution) distance(rest distribution) (Point, bool) {
	whole := own.sum + rest.sum
	least := own.sum - zThird*math.Sqrt(own.variance)
	leastWhole := whole - zThird*math.Sqrt(own.variance+rest.variance)
	if !(least > 0) || !(leastWhole > 0) {
		return Point{}, false
	}
	n := len(own.values)
	p, q, d := make([]float64, n), make([]float64, n), 0.0
	for b := range n {
		p[b], q[b] = own.values[b]/own.sum, (own.values[b]+rest.values[b])/whole
		d += math.Abs(p[b]-q[b]) / 2
	}
	// e_b = sum over c of alpha_bc own noise_c + beta_bc rest noise_c
	var mean, square float64
	for b := range n {
		for a := range n {
			var cov float64
			for c := range n {
				cov += own.variances[c] * own.alpha(p, q, whole, a, c) * own.alpha(p, q, whole, b, c)
				cov += rest.variances[c] * (q[a] - same(a, c)) / whole * (q[b] - same(b, c)) / whole
			}
			square += math.Abs(cov)
			if a == b {
				mean += math.Sqrt(cov*2/math.Pi) / 2
			}
		}
	}
	// The sums in the denominators are noisy too.
	slack := math.Max(own.sum/least, whole/leastWhole)
	w := slack * (mean + zThird*math.Sqrt(square)/2)
	unit := func(x float64) float64 { return math.Min(math.Max(x, 0), 1) }
	return Point{Value: unit(d), Low: unit(d - w), High: unit(d + w)}, true
}

// alpha is what the noise of own's position c does to the difference of the shares
// at b.
func (own *distribution) alpha(p, q []float64, whole float64, b, c int) float64 {
	return same(b, c)*(1/own.sum-1/whole) - p[b]/own.sum + q[b]/whole
}

func same(a, b int) float64 {
	if a == b {
		return 1
	}
	return 0
}
