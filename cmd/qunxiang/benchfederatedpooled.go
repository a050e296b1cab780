package main

import (
	"errors"
	"math"

	"github.com/qunxiang/qunxiang/federated/glm"
)

// compareFit is the noisy fit's distance from the textbook's fit of all people at one
// place, in that fit's standard errors.
func compareFit(fit *glm.Fit, people []person) (*fitError, error) {
	beta, se, err := pooledPoisson(people, len(fit.Terms))
	if err != nil {
		return nil, err
	}
	out := &fitError{People: len(people), Columns: len(fit.Terms), Converged: fit.Converged}
	square := 0.0
	for i, t := range fit.Terms {
		z := math.Abs(t.Estimate-beta[i]) / se[i]
		square += z * z
		out.Worst = max(out.Worst, z)
		if t.Unreliable {
			out.Unreliable++
		}
	}
	out.RMS = math.Sqrt(square / float64(len(fit.Terms)))
	return out, nil
}

var errPooled = errors.New("the pooled fit has no unique answer")

// pooledPoisson is Newton's method for a Poisson regression with log link, on plain
// numbers, with the standard errors of the inverse information.
func pooledPoisson(people []person, columns int) (beta, se []float64, err error) {
	beta = make([]float64, columns)
	total := 0.0
	for _, p := range people {
		total += p.row.Response
	}
	beta[0] = math.Log(max(total, 0.5) / float64(len(people)))
	for range 25 {
		h, g := information(people, beta)
		if !cholesky(h) {
			return nil, nil, errPooled
		}
		solve(h, g)
		length := 0.0
		for i := range beta {
			beta[i] += g[i]
			length += g[i] * g[i]
		}
		if length > 1e-20 {
			continue
		}
		se = make([]float64, columns)
		for i := range se {
			unit := make([]float64, columns)
			unit[i] = 1
			solve(h, unit)
			se[i] = math.Sqrt(unit[i])
		}
		return beta, se, nil
	}
	return nil, nil, errPooled
}

// information is X'WX (its lower triangle) and the score.
func information(people []person, beta []float64) (h [][]float64, g []float64) {
	h, g = make([][]float64, len(beta)), make([]float64, len(beta))
	for i := range h {
		h[i] = make([]float64, len(beta))
	}
	for _, p := range people {
		eta := 0.0
		for k, c := range p.at {
			eta += beta[c] * p.x[k]
		}
		mu := math.Exp(eta)
		for k, c := range p.at {
			g[c] += p.x[k] * (p.row.Response - mu)
			for l, d := range p.at[:k+1] {
				h[c][d] += mu * p.x[k] * p.x[l]
			}
		}
	}
	return h, g
}

// cholesky overwrites the lower triangle with its factor; false if there is none.
func cholesky(h [][]float64) bool {
	for i := range h {
		for j := range i + 1 {
			v := h[i][j]
			for k := range j {
				v -= h[i][k] * h[j][k]
			}
			if i != j {
				h[i][j] = v / h[j][j]
				continue
			}
			if !(v > 0) {
				return false
			}
			h[i][i] = math.Sqrt(v)
		}
	}
	return true
}

// solve overwrites b with the answer of L L' x = b.
func solve(l [][]float64, b []float64) {
	for i := range b {
		for k := range i {
			b[i] -= l[i][k] * b[k]
		}
		b[i] /= l[i][i]
	}
	for i := len(b) - 1; i >= 0; i-- {
		for k := i + 1; k < len(b); k++ {
			b[i] -= l[k][i] * b[k]
		}
		b[i] /= l[i][i]
	}
}
