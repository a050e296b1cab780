package dp

import (
	"math"
	"math/big"
)

// LaplaceEpsilon is a yardstick, not a mechanism of this package: the pure
// epsilon that the same numbers would cost with Laplace noise of the same median
// size in each cell, under basic composition, which adds up over channels and over
// the L0 groups of a person (Dwork and Roth 2014, Theorems 3.6 and 3.16).
func (p *Plan) LaplaceEpsilon() float64 {
	const median = 0.6744897501960817 // of the size of a standard normal
	sum := 0.0
	for i, ch := range p.c.channels {
		scale := p.draws[i].sigma * median / math.Ln2 // the median size of Laplace noise is scale * ln 2
		sum += float64(p.c.spec.L0) * ch.l1() / scale
	}
	return sum
}

// l1 is the L1 distance one person makes in a group.
func (c channel) l1() float64 {
	most := float64(c.linf)
	if c.delta2.Cmp(new(big.Int).Mul(big.NewInt(c.linf), big.NewInt(c.linf))) == 0 {
		return most // what a person spreads adds up to linf at most
	}
	d2, _ := new(big.Float).SetInt(c.delta2).Float64()
	moved := float64(c.moved)
	return math.Min(moved*most, math.Sqrt(moved*d2)) // Cauchy-Schwarz
}
