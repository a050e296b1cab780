package dp

import (
	"math"
	"strconv"
)

// derive turns the noisy cells of one group into a measure. It sees nothing
// else, so whatever it does is post-processing. A mean whose row count cannot
// be told from zero has no value and is left out; its row count, where the
// measure names it, is there all the same.
func (c *compiled) derive(m measure, cells []int64, sigmas []float64) []Measured {
	out := Measured{Name: m.Name, Unit: m.Unit}
	noisy := func(i int) []int64 {
		ch := c.channels[m.channels[i]]
		return cells[ch.offset : ch.offset+ch.cells]
	}
	sigma := sigmas[m.channels[0]]
	switch m.Kind {
	case KindMean:
		var all []Measured
		rows := noisy(1)[0]
		if rows > 0 && float64(rows) > z95*sigmas[m.channels[1]] {
			out.Value, out.Low, out.High = m.mean(noisy(0)[0], rows, sigma, sigmas[m.channels[1]])
			all = append(all, out)
		}
		return m.withRows(all, rows, sigmas[m.channels[1]])
	case KindSpread:
		rows, sigmaRows := noisy(1)[0], sigmas[m.channels[1]]
		all := m.spread(noisy(0)[0], rows, noisy(2)[0], [3]float64{sigma, sigmaRows, sigmas[m.channels[2]]})
		return m.withRows(all, rows, sigmaRows)
	case KindQuantiles:
		out.Values = m.quantiles(noisy(0), sigma)
	case KindSurvival:
		if m.Competing {
			had := Measured{Name: m.Name + "_incidence", Unit: m.Unit}
			out.Values, had.Values = m.competing(noisy(0), sigma, c.spec.K)
			return []Measured{out, had}
		}
		out.Values = m.survival(noisy(0), sigma, c.spec.K)
	case KindHistogram, KindSeries, KindVector:
		out.Values = make([]Point, len(m.Positions))
		for i, x := range noisy(0) {
			v, low, high := countInterval(x, sigma)
			out.Values[i] = Point{At: m.Positions[i], Value: v, Low: low, High: high}
		}
	default:
		out.Value, out.Low, out.High = countInterval(noisy(0)[0], sigma)
	}
	return []Measured{out}
}

// withRows adds the noisy number of kept rows where the measure names it.
func (m measure) withRows(all []Measured, rows int64, sigma float64) []Measured {
	if m.RowsName == "" {
		return all
	}
	n := Measured{Name: m.RowsName, Unit: m.RowsName}
	n.Value, n.Low, n.High = countInterval(rows, sigma)
	return append(all, n)
}

// countInterval is the value as drawn and its 95 % interval. Noise is rounded to
// integers, so the half-width is at least the integer that holds 95 % of it. A
// negative count stays negative: cutting at zero would bias every total.
func countInterval(x int64, sigma float64) (value, low, high float64) {
	w := math.Max(z95*sigma, math.Ceil(z95*sigma-0.5))
	v := float64(x)
	return v, v - w, v + w
}

// mean is Centre + sum/rows with Fieller's interval, held within the row clamps.
// Where the noise leaves the sign of the row count open, the interval is all
// that the clamps allow.
func (m measure) mean(sum, rows int64, sigmaSum, sigmaRows float64) (value, low, high float64) {
	least, most := float64(m.RowLo), float64(m.RowHi)
	clip := func(x float64) float64 { return math.Min(math.Max(x, least), most) }
	centre := float64(m.Centre)
	value, low, high = centre, least, most
	if rows > 0 {
		value = centre + float64(sum)/float64(rows)
	}
	if lo, hi, ok := fieller(float64(sum), float64(rows), sigmaSum*sigmaSum, 0, sigmaRows*sigmaRows); ok {
		low, high = centre+lo, centre+hi
	}
	return clip(value), clip(low), clip(high)
}

func label(p float64) string { return strconv.FormatFloat(p, 'f', -1, 64) }
