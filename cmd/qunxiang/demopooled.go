package main

import (
	"errors"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/glm"
)

// pooled is an ordinary Poisson regression of everybody's rows at one place, which no
// party could make: the demo's yardstick. It is written apart from package glm, has no
// noise and no bounds, and its columns are scaled as on the card.
type pooled struct {
	names []string
	beta  []float64
	se    []float64 // of a fit without noise
}

// pooledColumns are the card's columns by name, and how a row fills them.
func pooledColumns(c *federated.Card) (names []string, fill func(r *glm.Row, x []float64)) {
	names = []string{"(intercept)"}
	level := map[string]int{} // "factor=level" to its column; none for the reference
	for _, f := range c.Model.Features {
		if f.Range != nil {
			names = append(names, f.Name)
			continue
		}
		for i, l := range f.Levels {
			if i > 0 && l.Into == "" {
				level[f.Name+"="+l.Name] = len(names)
				names = append(names, f.Name+"="+l.Name)
			}
		}
		for _, l := range f.Levels {
			if into, ok := level[f.Name+"="+l.Into]; ok && l.Into != "" {
				level[f.Name+"="+l.Name] = into
			}
		}
	}
	return names, func(r *glm.Row, x []float64) {
		clear(x)
		x[0] = 1
		at := 1
		for i, f := range c.Model.Features {
			if f.Range == nil {
				if col, ok := level[f.Name+"="+r.Values[i].Level]; ok {
					x[col] = 1
				}
				for _, l := range f.Levels[1:] {
					if l.Into == "" {
						at++
					}
				}
				continue
			}
			half := (f.Range[1] - f.Range[0]) / 2
			x[at] = (r.Values[i].Number - f.Range[0] - half) / half
			at++
		}
	}
}

// poolPoisson fits by Newton's method.
func poolPoisson(c *federated.Card, rows []glm.Row) (*pooled, error) {
	if c.Model.Family != glm.Poisson {
		return nil, errors.New("the yardstick is a Poisson regression")
	}
	names, fill := pooledColumns(c)
	p := len(names)
	fit := &pooled{names: names, beta: make([]float64, p), se: make([]float64, p)}
	fit.beta[0] = math.Log(c.Model.StartMean)
	x := make([]float64, p)
	for range 50 {
		h, g := mat.NewSymDense(p, nil), mat.NewVecDense(p, nil)
		for i := range rows {
			fill(&rows[i], x)
			eta := 0.0
			if c.Model.Exposure {
				eta = math.Log(rows[i].Exposure)
			}
			for k, v := range x {
				eta += v * fit.beta[k]
			}
			mean, weight := math.Exp(eta), 1.0
			if c.Model.Weights {
				weight = rows[i].Weight
			}
			h.SymRankOne(h, weight*mean, mat.NewVecDense(p, x))
			g.AddScaledVec(g, weight*(rows[i].Response-mean), mat.NewVecDense(p, x))
		}
		var chol mat.Cholesky
		if !chol.Factorize(h) {
			return nil, errors.New("the pooled fit is singular: a column is empty")
		}
		var step mat.VecDense
		if err := chol.SolveVecTo(&step, g); err != nil {
			return nil, err
		}
		for k := range fit.beta {
			fit.beta[k] += step.AtVec(k)
		}
		if mat.Norm(&step, 2) < 1e-10 {
			var inverse mat.SymDense
			if err := chol.InverseTo(&inverse); err != nil {
				return nil, err
			}
			for k := range fit.se {
				fit.se[k] = math.Sqrt(inverse.At(k, k))
			}
			return fit, nil
		}
	}
	return nil, errors.New("the pooled fit does not converge")
}
