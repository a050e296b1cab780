package glm

import (
	"fmt"
	"math"
)

const (
	normal95 = 1.959963984540054
	// A last step beyond this many standard errors, and beyond what noise explains,
	// is not the end of the way.
	convergedStep, noiseStep = 0.1, 4
	// unreliableShare is the share of noise in a variance above which the interval
	// no longer covers as it says.
	unreliableShare = 0.5
)

// Fit is the model that came out. Numbers are in the response's own units.
type Fit struct {
	Coefficients Coefficients
	Terms        []Term
	Rows         float64 // noisy
	Exposure     float64 // noisy
	Deviance     float64 // noisy, at the coefficients before the last step
	Pearson      float64 // noisy, likewise
	// Dispersion is Pearson's chi-square per degree of freedom for linear, gamma and
	// Tweedie, else 1.
	Dispersion float64
	LastStep   StepReport
	// Converged is false if the last step, before any floor, was longer than noise
	// explains, or was cut short, or met curvature that is lost in noise
	// (StepReport.Lost).
	Converged bool
}

// Term is one coefficient. Estimate and its errors belong to the scaled column
// (half the range of a number; a level against its reference).
type Term struct {
	Name     string
	Estimate float64
	// Naive is the standard error of a fit without noise, SE the one to use: the
	// square root of phi H^-1 + sigma^2 H^-2, sigma being the noise of g and of H
	// times the last step.
	Naive, SE float64
	Lo, Hi    float64 // 95 %, by SE
	// NoiseShare is the share of noise in SE^2; above one half the term is
	// Unreliable.
	NoiseShare float64
	Unreliable bool
	// PerUnit and PerUnitSE are for one of the number's own units; for others they
	// repeat Estimate and SE.
	PerUnit, PerUnitSE float64
	// Relativity is exp(PerUnit), an odds ratio under the logit link, with its 95 %
	// interval; 0 under the identity link.
	Relativity, RelativityLo, RelativityHi float64
}

// Fit makes the last step, from the coefficients that the last round was computed
// at and its decrypted sum, and says how good the result is.
func (p *Plan) Fit(beta Coefficients, sum []int64) (*Fit, error) {
	last := p.spec.Rounds - 1
	next, report, err := p.Step(last, beta, sum)
	if err != nil {
		return nil, err
	}
	h, g, err := p.decode(last, beta, sum)
	if err != nil {
		return nil, err
	}
	raw, floor := p.curvature(last, h)
	s, _ := raw.floored(float64(floor / lostBelow)) // errors are not to shrink with the step
	one, two := s.inverseDiagonal()
	wanted := s.solve(g)
	f := &Fit{Coefficients: next, LastStep: report, Dispersion: 1}
	p.describe(f, sum)
	phi := f.Dispersion
	if p.spec.Family.estimatesDispersion() {
		f.Dispersion = float64(phi * p.power(p.index()))
	}
	noise, before := p.noiseOf(last, report), p.noiseBefore(last)
	f.Converged = !report.Capped && report.Lost == 0
	for i := range next {
		naive, added := float64(phi*one[i]), float64(noise*two[i])
		f.Terms = append(f.Terms, p.term(i, next[i], naive, added))
		explained := math.Sqrt(float64((noise + before) * two[i]))
		if math.Abs(wanted[i]) > float64(convergedStep*math.Sqrt(naive))+float64(noiseStep*explained) {
			f.Converged = false
		}
	}
	return f, nil
}

// noiseOf is the variance per entry of the noise that round r puts on H times the
// step: that of g, and that of H times a step of this length.
func (p *Plan) noiseOf(r int, report StepReport) float64 {
	h, g := p.Sigma(p.rounds[r][0]), p.Sigma(p.rounds[r][1])
	hs := float64(h * report.Norm)
	return float64(g*g) + float64(hs*hs)
}

// noiseBefore is the same for the round before the last, whose noise the last
// step takes back; 0 if there is none.
func (p *Plan) noiseBefore(last int) float64 {
	if last == 0 {
		return 0
	}
	return p.noiseOf(last-1, StepReport{})
}

// describe reads the four last cells and the dispersion, still in scaled units.
func (p *Plan) describe(f *Fit, sum []int64) {
	tail := sum[len(sum)-4:]
	f.Rows, f.Exposure = p.real(tail[0]), p.real(tail[1])
	f.Deviance, f.Pearson = p.real(tail[2]), p.real(tail[3])
	if p.spec.Family.estimatesDispersion() {
		f.Dispersion = max(f.Pearson, 0) / max(f.Rows-float64(p.Columns()), 1)
		back := p.power(p.index())
		f.Deviance, f.Pearson = float64(f.Deviance*back), float64(f.Pearson*back)
	}
}

// index is the power of the mean in the variance.
func (p *Plan) index() float64 {
	switch p.spec.Family {
	case Gamma:
		return 2
	case Tweedie:
		return p.spec.Power
	}
	return 0
}

// power is the response's scale to the power 2 - index, by which dispersion and
// deviance go back to the response's own units.
func (p *Plan) power(index float64) float64 {
	if index == 0 {
		return float64(p.spec.Response.Scale * p.spec.Response.Scale)
	}
	return exp(float64((2 - index) * log(p.spec.Response.Scale)))
}

// term is column i with its two variances, in scaled units.
func (p *Plan) term(i int, at int64, naive, noise float64) Term {
	c := p.design.columns[i]
	b, unit := float64(float64(at)/coefficientScale), 1.0
	scale := p.spec.Response.Scale
	if p.spec.Family == Linear {
		b = float64(b * scale)
		naive, noise = float64(naive*float64(scale*scale)), float64(noise*float64(scale*scale))
	} else if i == 0 {
		b += log(scale)
	}
	if c.feature >= 0 && c.level < 0 {
		unit = p.design.features[c.feature].half()
	}
	t := Term{Name: c.name, Estimate: b, Naive: math.Sqrt(naive), SE: math.Sqrt(naive + noise)}
	if naive+noise > 0 {
		t.NoiseShare = noise / (naive + noise)
	}
	t.Unreliable = t.NoiseShare > unreliableShare
	t.Lo, t.Hi = b-float64(normal95*t.SE), b+float64(normal95*t.SE)
	t.PerUnit, t.PerUnitSE = b/unit, t.SE/unit
	if p.spec.Family.link() != "identity" {
		t.Relativity = exp(t.PerUnit)
		t.RelativityLo, t.RelativityHi = exp(t.Lo/unit), exp(t.Hi/unit)
	}
	return t
}

// String is a short account for people: one line per term and a verdict.
func (f *Fit) String() string {
	out := ""
	for _, t := range f.Terms {
		mark := ""
		if t.Unreliable {
			mark = " unreliable: mostly noise"
		}
		out += fmt.Sprintf("%-24s %10.5f +- %.5f%s\n", t.Name, t.Estimate, t.SE, mark)
	}
	if !f.Converged {
		out += "not converged\n"
	}
	return out
}
