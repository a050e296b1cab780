package dp

import "math"

// step is one position of a survival curve.
type step struct {
	survival  float64
	noise     float64 // standard deviation that the noise of the cells causes
	greenwood float64 // standard deviation of the sample (Greenwood 1926)
}

// kaplanMeier estimates survival after each position from cells 2j (censored at
// j) and 2j+1 (event at j) whose noise has deviation sigma. At risk at j is
// everyone with position j or later. The curve ends where fewer are at risk than
// k and three deviations of that very number. The noise is carried through by
// the derivative of each step after every cell.
func kaplanMeier(cells []float64, sigma, k float64) []step {
	t := len(cells) / 2
	steps := make([]step, 0, t)
	grad := make([]float64, len(cells)) // of the survival so far after each cell
	risk := 0.0
	for _, x := range cells {
		risk += x
	}
	survival, sample := 1.0, 0.0
	for j := range t {
		if risk <= 0 || risk < k+3*sigma*math.Sqrt(float64(2*(t-j))) {
			break
		}
		events := cells[2*j+1]
		q := math.Max(0, 1-events/risk)
		variance := 0.0
		for i := range grad {
			dq := 0.0
			if i >= 2*j {
				dq = events / (risk * risk)
			}
			if i == 2*j+1 {
				dq -= 1 / risk
			}
			grad[i] = q*grad[i] + survival*dq
			variance += grad[i] * grad[i]
		}
		sample = q*q*sample + survival*survival*math.Max(0, q*(1-q))/risk
		survival *= q
		steps = append(steps, step{survival, sigma * math.Sqrt(variance), math.Sqrt(sample)})
		risk -= cells[2*j] + events
	}
	return steps
}

// survival is the Kaplan-Meier curve with 95 % bands that carry noise and
// Greenwood's variance. Noise can make a step rise; the curve shown is the
// nearest one that never does, within [0, 1].
func (m measure) survival(cells []int64, sigma float64, k int) []Point {
	x := make([]float64, len(cells))
	for i, v := range cells {
		x[i] = float64(v)
	}
	return m.curve(kaplanMeier(x, sigma, float64(k)), -1)
}
