package glm

import (
	"fmt"
	"math"
)

// Encode is the sum of this node's people's gradients at the given state: every
// number of every row to the nearest unit of ClipNorm/2^17, a person's rows
// added, the person's vector shortened to a length of at most 2^17 in integers,
// people added, the sum held to what leaves room for noise. ErrMismatch if data, step or state are of another network.
func (n *Network) Encode(d *Data, step int, state Coefficients) (*Sums, error) {
	if d == nil || d.columns != len(n.design.columns) || step < 0 || step >= n.spec.Rounds || !n.owns(state) {
		return nil, fmt.Errorf("%w: data, step or state of another shape", ErrMismatch)
	}
	b := n.newPass(state)
	b.scale = gradientClip / n.net.ClipNorm
	b.gradient = make([]int64, n.total)
	out := make([]int64, n.total)
	for _, who := range d.people {
		clear(b.gradient)
		for r := who.from; r < who.to; r++ {
			b.row(d, r)
		}
		if !n.unprotected {
			clip(b.gradient, gradientClip)
		}
		for i, x := range b.gradient {
			out[i] += x
		}
	}
	for i, x := range out {
		out[i] = min(max(x, -n.room), n.room)
	}
	return &Sums{of: n, round: step, limit: n.Limit(), values: out}, nil
}

func (n *Network) owns(state Coefficients) bool {
	return len(state) == 2*n.total && state.inRange()
}

// Step is one step of gradient ascent with momentum from the decrypted sum, a
// pure function of public numbers: velocity = Momentum*velocity + mean gradient,
// weights += Rate*velocity. ErrMismatch if sum or state are of another network.
func (n *Network) Step(step int, state Coefficients, sum []int64) (Coefficients, StepReport, error) {
	if step < 0 || step >= n.spec.Rounds || len(sum) != n.total || !n.owns(state) {
		return nil, StepReport{}, fmt.Errorf("%w: sum, step or state of another shape", ErrMismatch)
	}
	unit := float64(n.net.ClipNorm/gradientClip) / float64(n.net.People)
	next, norm := make(Coefficients, len(state)), 0.0
	for i, x := range sum {
		v := float64(n.net.Momentum*float64(float64(state[n.total+i])/coefficientScale)) + float64(float64(x)*unit)
		next[n.total+i] = coefficient(v)
		move := coefficient(float64(n.net.Rate * v))
		next[i] = min(max(state[i]+move, -maxCoefficient), maxCoefficient)
		m := float64(float64(move) / coefficientScale)
		norm += float64(m * m)
	}
	return next, StepReport{Norm: math.Sqrt(norm)}, nil
}

// Mean is the model's answer for one row's features (and exposure, where the
// contract has one), in the response's units. A *FieldError names what breaks the
// contract.
func (n *Network) Mean(state Coefficients, r Row) (float64, error) {
	if !n.owns(state) {
		return 0, fmt.Errorf("%w: state of another shape", ErrMismatch)
	}
	r.Person, r.Response, r.Weight = "-", n.spec.Response.Lo, 1
	d, err := n.contract.read([]Row{r})
	if err != nil {
		return 0, err
	}
	eta := n.newPass(state).forward(d, 0)
	return float64(n.model.mean(eta) * n.spec.Response.Scale), nil
}

// pass runs rows forwards and backwards through the network.
type pass struct {
	net      *Network
	weights  []float64
	values   [][]float64 // of every layer: inputs, activations, output
	slopes   [][]float64 // derivative of the output by each layer's input sums
	gradient []int64
	scale    float64
}

func (n *Network) newPass(state Coefficients) *pass {
	b := &pass{net: n, weights: state[:n.total].Floats(), values: [][]float64{make([]float64, n.layers[0].in)}}
	for _, l := range n.layers {
		b.values = append(b.values, make([]float64, l.out))
		b.slopes = append(b.slopes, make([]float64, l.out))
	}
	return b
}

// forward is the linear predictor of a row, offset included.
func (b *pass) forward(d *Data, r int) float64 {
	clear(b.values[0])
	for i := d.start[r]; i < d.start[r+1]; i++ {
		if c := d.index[i]; c > 0 {
			b.values[0][c-1] = d.value[i]
		}
	}
	for k, l := range b.net.layers {
		for j := range l.out {
			row := b.weights[l.at+j*l.in : l.at+(j+1)*l.in]
			b.values[k+1][j] = b.activate(k, dot(row, b.values[k])+b.weights[l.biases()+j])
		}
	}
	return b.values[len(b.net.layers)][0] + d.offsets[r]
}

func (b *pass) activate(k int, x float64) float64 {
	switch {
	case k == len(b.net.layers)-1:
		return x
	case b.net.net.Rectified:
		return max(x, 0)
	}
	return 1 - 2/(exp(float64(2*x))+1) // tanh
}

// slope is the activation's derivative where it has this value.
func (b *pass) slope(k int, value float64) float64 {
	switch {
	case k == len(b.net.layers)-1:
		return 1
	case !b.net.net.Rectified:
		return 1 - float64(value*value)
	case value > 0:
		return 1
	}
	return 0
}

// row adds one row's rounded gradient of the log likelihood (phi = 1).
func (b *pass) row(d *Data, r int) {
	eta := b.forward(d, r)
	score := float64(d.weights[r] * b.net.model.at(eta, d.y[r], false).score)
	last := len(b.net.layers) - 1
	b.slopes[last][0] = score
	for k := last; k >= 0; k-- {
		l := b.net.layers[k]
		for j, s := range b.slopes[k] {
			if s == 0 {
				continue
			}
			at := l.at + j*l.in
			for i, x := range b.values[k] {
				b.gradient[at+i] += nearest(float64(s*x), b.scale, maxGradientPart)
			}
			b.gradient[l.biases()+j] += nearest(s, b.scale, maxGradientPart)
		}
		if k > 0 {
			b.backwards(k)
		}
	}
}

// backwards takes the slopes of layer k to the layer before.
func (b *pass) backwards(k int) {
	l, before := b.net.layers[k], b.slopes[k-1]
	clear(before)
	for j, s := range b.slopes[k] {
		for i := range l.in {
			before[i] += float64(s * b.weights[l.at+j*l.in+i])
		}
	}
	for i, v := range b.values[k] {
		before[i] = float64(before[i] * b.slope(k-1, v))
	}
}
