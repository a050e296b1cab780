package glm

import (
	"fmt"
	"math"
)

// Expectation is what is publicly expected of the data, before any are read.
type Expectation struct {
	People     int64   // Required: of all nodes together
	Exposure   float64 // mean per person, of rows with weights times those; default 1
	Dispersion float64 // phi, in the scaled response's units; default 1
}

// Prediction is how good a fit to expect.
type Prediction struct {
	Terms []PredictedTerm
	// Useful is false if noise outweighs sampling for half of the terms or more: the
	// fit is not worth its cost.
	Useful bool
	// Lost counts directions of which the noise hides the curvature: a fit with any
	// will say that it has not converged. Merge rare levels or drop columns.
	Lost int
	// Rare names the levels whose expected noise is above their standard error:
	// merge them on the card (Level.Into).
	Rare []string
}

// PredictedTerm is the expected precision of one coefficient of a scaled column.
type PredictedTerm struct {
	Name       string
	Naive      float64 // standard error without noise
	Noise      float64 // standard deviation of the noise
	SE         float64 // both together
	NoiseShare float64 // of the variance
}

// Predict computes standard errors from public numbers alone: people, the
// starting mean, ranges and shares of levels, with features taken as independent
// and numbers as uniform on their range. ErrSpec without people.
func (p *Plan) Predict(x Expectation) (*Prediction, error) {
	if x.Exposure == 0 {
		x.Exposure = 1
	}
	if x.Dispersion == 0 {
		x.Dispersion = 1
	}
	if x.People < 1 || !(x.Exposure > 0) || !(x.Dispersion > 0) {
		return nil, fmt.Errorf("%w: a prediction needs the expected number of people", ErrSpec)
	}
	mean := p.spec.StartMean / p.spec.Response.Scale
	weight := p.model.at(p.model.linkOf(mean), mean, false).weight
	total := float64(float64(float64(x.People)*weight) * x.Exposure)
	last := p.spec.Rounds - 1
	raw, floor := p.curvature(last, p.expectedH(total))
	s, lost := raw.floored(float64(floor / lostBelow))
	one, two := s.inverseDiagonal()
	g := p.Sigma(p.rounds[last][1])
	out := &Prediction{Lost: lost}
	drowned := 0
	for i, c := range p.design.columns {
		unit := 1.0
		if p.spec.Family == Linear {
			unit = p.spec.Response.Scale
		}
		t := PredictedTerm{Name: c.name}
		t.Naive = float64(unit * math.Sqrt(float64(x.Dispersion*one[i])))
		t.Noise = float64(unit * float64(g*math.Sqrt(two[i])))
		t.SE = math.Sqrt(float64(t.Naive*t.Naive) + float64(t.Noise*t.Noise))
		t.NoiseShare = float64((t.Noise / t.SE) * (t.Noise / t.SE))
		out.Terms = append(out.Terms, t)
		if t.Noise > t.Naive {
			drowned++
			if c.level >= 0 {
				out.Rare = append(out.Rare, c.name)
			}
		}
	}
	out.Useful = 2*drowned < len(out.Terms)
	return out, nil
}

// expectedH is the expected information of people of total weight.
func (p *Plan) expectedH(total float64) [][]float64 {
	n := p.Columns()
	mean, square := make([]float64, n), make([]float64, n)
	for i, c := range p.design.columns {
		switch {
		case c.feature < 0:
			mean[i], square[i] = 1, 1
		case c.level < 0:
			square[i] = 1.0 / 3
		default:
			mean[i], square[i] = c.share, c.share
		}
	}
	h := make([][]float64, n)
	for i := range h {
		h[i] = make([]float64, n)
		for j := range h[i] {
			a, b := p.design.columns[i], p.design.columns[j]
			switch {
			case i == j:
				h[i][j] = float64(total * square[i])
			case a.feature != b.feature:
				h[i][j] = float64(total * float64(mean[i]*mean[j]))
			}
		}
		if i > 0 {
			h[i][i] += p.spec.Ridge
		}
	}
	return h
}
