package dp

import (
	"math"
	"math/bits"
)

// squares is a person's sum of ((row - Centre) / Unit2)^2, each rounded to the
// nearest whole number, clamped to [0, Hi2].
func (m *measure) squares(col []int64, rows []int32) int64 {
	var w wide
	for _, r := range rows {
		if v := col[r]; v != Null {
			w.add(squareOf(min(max(v, m.RowLo), m.RowHi)-m.Centre, m.Unit2))
		}
	}
	return min(w.value(), m.Hi2)
}

// squareOf is d^2/unit^2 to the nearest integer, halves up. That it fits is
// proved by checkSpread.
func squareOf(d, unit int64) int64 {
	u := uint64(unit) * uint64(unit)
	hi, lo := bits.Mul64(uint64(magnitude(d)), uint64(magnitude(d)))
	q, rest := bits.Div64(hi, lo, u)
	if rest >= u-rest {
		q++
	}
	return int64(q)
}

// gradient is how the mean and the standard deviation of a spread (times the
// number of rows) change with the sum, the rows and the squares, where the mean
// lies d from Centre and the deviation is sd.
func (m Measure) gradient(d, sd float64) (mean, deviation [3]float64) {
	u := float64(m.Unit2)
	mean = [3]float64{1, -d, 0}
	deviation = [3]float64{-d / sd, (d*d - sd*sd) / (2 * sd), u * u / (2 * sd)}
	return mean, deviation
}

// typical is where a spread's cost is split and its error predicted: the
// distance of the mean from Centre and the standard deviation.
func (m Measure) typical() (d, sd float64) {
	d = m.Reference - float64(m.Centre)
	if least := designDeviation * math.Abs(m.Reference); math.Abs(d) < least {
		d = least
	}
	sd = m.ReferenceSD
	if sd == 0 {
		sd = math.Abs(m.Reference)
	}
	if sd == 0 {
		sd = float64(m.RowHi-m.RowLo) / 4
	}
	return d, sd
}

// splitSpread divides rho over sum, rows and squares so that the error
// variances of mean and standard deviation together are least: with a variance
// of sum a_i^2 b_i^2/rho_i (b_i being what a person moves), the shares are as
// a_i*b_i. No share is below minRowShare.
func (m measure) splitSpread(rho float64) []float64 {
	d, sd := m.typical()
	mean, deviation := m.gradient(d, sd)
	moved := [3]float64{float64(m.linf()), float64(m.Rows), float64(m.Hi2)}
	shares, sum := make([]float64, 3), 0.0
	for i := range shares {
		shares[i] = math.Hypot(mean[i], deviation[i]) * moved[i]
		sum += shares[i]
	}
	rest := 1 - 3*minRowShare
	for i := range shares {
		shares[i] = rho * (minRowShare + rest*shares[i]/sum)
	}
	return shares
}

// spread derives mean, standard deviation and coefficient of variation of the
// kept rows (divided by their number, not by one less) from noisy sum, rows and
// squares. The mean has Fieller's interval. The others carry the noise by the
// delta method: of the variance, whose ends are then rooted, and of the
// logarithm of the coefficient. Each is left out where it says nothing: the mean
// where the rows cannot be told from zero, the deviation where the variance
// cannot, the coefficient where also the mean cannot.
func (m measure) spread(sum, rows, squares int64, sigma [3]float64) []Measured {
	n := float64(rows)
	if rows <= 0 || n <= z95*sigma[1] {
		return nil
	}
	mean := Measured{Name: m.Name, Unit: m.Unit}
	mean.Value, mean.Low, mean.High = m.mean(sum, rows, sigma[0], sigma[1])
	out := []Measured{mean}

	u, d := float64(m.Unit2), float64(sum)/n
	second := u * u * float64(squares) / n
	variance := second - d*d
	if !(variance > 0) {
		return out
	}
	slope := [3]float64{-2 * d / n, (2*d*d - second) / n, u * u / n}
	deviation := norm(slope, sigma)
	if variance <= z95*deviation {
		return out
	}
	widest := float64(m.RowHi-m.RowLo) / 2 // no rows within the clamps spread more
	root := func(v float64) float64 { return math.Min(math.Sqrt(v), widest) }
	sd := Measured{
		Name: m.Name + "_sd", Unit: m.Unit, Value: root(variance),
		Low: root(variance - z95*deviation), High: root(variance + z95*deviation),
	}
	out = append(out, sd)

	centre := float64(m.Centre) + d
	if !(mean.Low > 0) || centre <= 0 {
		return out
	}
	level := [3]float64{1 / n, -d / n, 0}
	for i := range slope { // of ln cv = ln(variance)/2 - ln(mean)
		slope[i] = slope[i]/(2*variance) - level[i]/centre
	}
	wide := math.Exp(z95 * norm(slope, sigma))
	cv := math.Sqrt(variance) / centre
	return append(out, Measured{Name: m.Name + "_cv", Unit: "ratio", Value: cv, Low: cv / wide, High: cv * wide})
}

// norm is the deviation of a sum of independent noises with these slopes.
func norm(slope, sigma [3]float64) float64 {
	return math.Sqrt(slope[0]*slope[0]*sigma[0]*sigma[0] + slope[1]*slope[1]*sigma[1]*sigma[1] + slope[2]*slope[2]*sigma[2]*sigma[2])
}
