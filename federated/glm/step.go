package glm

import (
	"fmt"
	"math"
)

const (
	// maxStep bounds the length of one step: features are within [-1, 1], so a
	// step of 3 is already a factor of twenty.
	maxStep = 3
	// leastEigenvalue bounds the condition number where there is no noise to do so.
	leastEigenvalue = 1e-12
	// lostBelow is the part of the floor below which noise alone explains an
	// eigenvalue: floor/4 is two standard deviations for twenty columns.
	lostBelow = 4
)

// StepReport says how a step went.
type StepReport struct {
	Norm    float64 // length of the step taken, in scaled columns
	Capped  bool    // it was shortened to 3
	Floored int     // eigenvalues of H that were raised to 2 sigma_H sqrt(columns)
	Lost    int     // of these, how many were not even a quarter of that
}

// Step is Newton's step from the decrypted sum of round r at beta. It is a pure
// function of public numbers: every party computes the same bits. The eigenvalues
// of the noisy H are raised to at least 2 sigma_H sqrt(columns), which shortens
// the step without moving where it leads. ErrMismatch if anything is of another
// plan.
func (p *Plan) Step(r int, beta Coefficients, sum []int64) (Coefficients, StepReport, error) {
	h, g, err := p.decode(r, beta, sum)
	if err != nil {
		return nil, StepReport{}, err
	}
	raw, floor := p.curvature(r, h)
	s, moved := raw.floored(floor)
	_, lost := raw.floored(float64(floor / lostBelow))
	step := s.solve(g)
	report := StepReport{Norm: math.Sqrt(dot(step, step)), Floored: moved, Lost: lost}
	if report.Norm > maxStep {
		shrink := maxStep / report.Norm
		for i := range step {
			step[i] = float64(step[i] * shrink)
		}
		report.Norm, report.Capped = maxStep, true
	}
	next := make(Coefficients, len(beta))
	for i, b := range beta {
		next[i] = min(max(b+coefficient(step[i]), -maxCoefficient), maxCoefficient)
	}
	return next, report, nil
}

// decode is the penalised H, mirrored, and the penalised g.
func (p *Plan) decode(r int, beta Coefficients, sum []int64) (h [][]float64, g []float64, err error) {
	if _, err := p.Blocks(r); err != nil {
		return nil, nil, err
	}
	n := p.Columns()
	if len(sum) != p.Cells() || len(beta) != n || !beta.inRange() {
		return nil, nil, fmt.Errorf("%w: sum or coefficients of another shape", ErrMismatch)
	}
	h, g = make([][]float64, n), make([]float64, n)
	for i := range h {
		h[i] = make([]float64, n)
	}
	at := 0
	for i := range n {
		for j := i; j < n; j++ {
			h[i][j] = p.real(sum[at])
			h[j][i] = h[i][j]
			at++
		}
	}
	b := beta.Floats()
	for i := range n {
		g[i] = p.real(sum[at+i])
		if i > 0 {
			h[i][i] += p.spec.Ridge
			g[i] -= float64(p.spec.Ridge * b[i])
		}
	}
	return h, g, nil
}

func (p *Plan) real(x int64) float64 { return math.Ldexp(float64(x), -p.bits) }

// curvature is the spectrum of h, which it overwrites, and the floor of its
// eigenvalues: a symmetric matrix of noise sigma moves none by more than about
// 2 sigma sqrt(columns).
func (p *Plan) curvature(r int, h [][]float64) (spectrum, float64) {
	s := eigen(h)
	largest := 0.0
	for _, x := range s.values {
		largest = max(largest, x)
	}
	noise := float64(2 * float64(p.Sigma(p.rounds[r][0])*math.Sqrt(float64(p.Columns()))))
	return s, max(noise, float64(largest*leastEigenvalue), leastEigenvalue)
}
