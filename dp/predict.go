package dp

import "math"

// halfWidth predicts the 95 % half-width of a measure (-1: people) in its unit,
// in a group of so many people, from the sigmas of its channels. It uses nothing
// but public figures; it never falls when a sigma grows. For marginals it is that
// of a cell of a one-way table.
//
// A mean, also a spread's, is taken at Reference, with one kept row per person (more rows make it
// better); see meanWidth for other means. Quantiles give the error of the rank, the worst over the wanted
// probabilities and over where in the tree the quantile may fall. Survival gives
// the noise part, largest over the positions, when the curve falls evenly to
// Reference (to one half if there is none) and nobody is censored early; with
// competing events, half of each kind, the larger error of the two curves.
func (c *compiled) halfWidth(i int, sigmas []float64, people int) float64 {
	if i < 0 {
		return z95 * sigmas[0]
	}
	m, n := c.measures[i], float64(people)
	sigma := sigmas[m.channels[0]]
	switch m.Kind {
	case KindMean, KindSpread:
		return m.meanWidth(sigmas, m.Reference, n)
	case KindQuantiles:
		return z95 * sigma * rankSpread(m.Probs) / n
	case KindSurvival:
		if m.Competing {
			return z95 * sigma * competingSpread(m.lastSurvival(), len(m.Positions)) / n
		}
		return z95 * sigma * survivalSpread(m.lastSurvival(), len(m.Positions)) / n
	default:
		return z95 * sigma
	}
}

// meanWidth predicts the half-width of a mean, or a spread's mean, that lies at
// at.
func (m measure) meanWidth(sigmas []float64, at, n float64) float64 {
	sum, rows := sigmas[m.channels[0]], sigmas[m.channels[1]]
	low, high, ok := fieller((at-float64(m.Centre))*n, n, sum*sum, 0, rows*rows)
	if widest := float64(m.RowHi - m.RowLo); !ok || high-low > 2*widest {
		return widest
	}
	return (high - low) / 2
}

// rankSpread is the standard deviation of N times the error of the rank, for a
// sigma of 1: the worst over probabilities and leaves.
func rankSpread(probs []float64) float64 {
	worst := 0.0
	for _, p := range probs {
		for b := range leaves + 1 {
			worst = math.Max(worst, rankVariance(b, p))
		}
	}
	return math.Sqrt(worst)
}

// lastSurvival is how many a curve is expected to leave: Reference, or one half.
func (m Measure) lastSurvival() float64 {
	if m.Reference > 0 && m.Reference < 1 {
		return m.Reference
	}
	return 0.5
}

// survivalSpread is n times the largest noise deviation of a Kaplan-Meier curve
// that falls evenly in log scale to last over t positions, for a sigma of 1.
func survivalSpread(last float64, t int) float64 {
	const n = 1e6 // the product does not depend on n
	curve := make([]float64, 2*t)
	left := float64(n)
	for j := range t {
		next := n * math.Pow(last, float64(j+1)/float64(t))
		curve[2*j+1] = left - next
		left = next
	}
	curve[2*(t-1)] += left // everyone who is left is censored at the end
	worst := 0.0
	for _, s := range kaplanMeier(curve, 1, 0) {
		worst = math.Max(worst, s.noise)
	}
	return worst * n
}

// competingSpread is survivalSpread for the worse of event-free survival and
// incidence, the events being half of each kind.
func competingSpread(last float64, t int) float64 {
	const n = 1e6
	curve := make([]float64, 3*t)
	left := float64(n)
	for j := range t {
		next := n * math.Pow(last, float64(j+1)/float64(t))
		curve[3*j+1], curve[3*j+2] = (left-next)/2, (left-next)/2
		left = next
	}
	curve[3*(t-1)] += left
	worst := 0.0
	for _, f := range aalenJohansen(curve, 1, 0) {
		worst = math.Max(worst, math.Max(f.survival.noise, f.incidence.noise))
	}
	return worst * n
}

// weight is the weight of a measure; 0 means 1.
func (m Measure) weight() float64 {
	if m.Weight == 0 {
		return 1
	}
	return m.Weight
}

// Inside a mean, the row count gets the share of rho that makes the error
// smallest where the mean lies this far from Centre, but at least minRowShare:
// at Centre itself the count would not matter at all, and a real mean is never
// exactly there. Farther away the error grows: "_half" predicts it.
const (
	designDeviation = 0.1 // of Reference
	minRowShare     = 0.02
)

// split divides a measure's rho over its channels. Marginals take a third each
// for the one-way tables, for the choice and for the chosen pairs, as McKenna,
// Miklau and Sheldon (2021) do.
func (m measure) split(rho float64) []float64 {
	switch m.Kind {
	case KindSpread:
		return m.splitSpread(rho)
	case KindMarginals:
		return []float64{rho / 3, rho / 3, rho / 3}
	case KindMean:
	default:
		return []float64{rho}
	}
	// The error variance is linf^2/rho_sum + (d r)^2/rho_rows: least when the
	// shares are as linf to d*r.
	d := math.Max(math.Abs(m.Reference-float64(m.Centre)), designDeviation*math.Abs(m.Reference))
	rows := d * float64(m.Rows)
	share := math.Max(minRowShare, rows/(rows+float64(m.linf())))
	return []float64{rho * (1 - share), rho * share}
}
