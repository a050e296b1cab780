package dp

import (
	"fmt"
	"math"
	"math/big"
)

// Units of a Cost: rho counts in 1e-12 and delta in 1e-21.
const (
	rhoUnits   = 1_000_000_000_000
	deltaUnits = 1e21
)

// Cost is what a request is charged: (rho, delta) of approximate zCDP, rho in
// units of 1e-12 and delta in units of 1e-21, both rounded up.
type Cost struct {
	Rho   int64 // 1e-12
	Delta int64 // 1e-21; math.MaxInt64 stands for 9.2e-3 and everything above
}

// Plus adds two costs (zCDP composes by adding, adaptively). ErrCost if a cost
// is negative or the sum does not fit.
func (c Cost) Plus(o Cost) (Cost, error) {
	if c.Rho < 0 || c.Delta < 0 || o.Rho < 0 || o.Delta < 0 {
		return Cost{}, fmt.Errorf("%w: negative", ErrCost)
	}
	if c.Rho > math.MaxInt64-o.Rho || c.Delta > math.MaxInt64-o.Delta {
		return Cost{}, fmt.Errorf("%w: the sum is too large", ErrCost)
	}
	return Cost{Rho: c.Rho + o.Rho, Delta: c.Delta + o.Delta}, nil
}

// Fits says whether the cost is within the cap in both parts. A negative cost,
// which nothing here makes, fits nowhere.
func (c Cost) Fits(cap Cost) bool {
	return c.Rho >= 0 && c.Delta >= 0 && c.Rho <= cap.Rho && c.Delta <= cap.Delta
}

// RhoFloat is rho as a plain number, for display.
func (c Cost) RhoFloat() float64 { return float64(c.Rho) / rhoUnits }

// DeltaFloat is delta as a plain number, for display.
func (c Cost) DeltaFloat() float64 { return float64(c.Delta) / deltaUnits }

// Rho is x in units of 1e-12, rounded up, computed exactly from the float.
// ErrCost unless x is a positive number whose units fit in an int64.
func Rho(x float64) (int64, error) {
	if math.IsNaN(x) || math.IsInf(x, 0) || x <= 0 {
		return 0, fmt.Errorf("%w: rho must be a positive number", ErrCost)
	}
	return ceilUnits(new(big.Rat).SetFloat64(x))
}

// channelRho is L0*delta2/(2 sigma^2) in units of 1e-12, rounded up, computed
// exactly from the float sigma.
func channelRho(l0 int64, delta2 *big.Int, sigma float64) (int64, error) {
	if math.IsNaN(sigma) || math.IsInf(sigma, 0) || sigma <= 0 {
		return 0, fmt.Errorf("%w: sigma", ErrCost)
	}
	s := new(big.Rat).SetFloat64(sigma)
	s.Mul(s, s)
	s.Mul(s, big.NewRat(2, 1))
	moved := new(big.Int).Mul(big.NewInt(l0), delta2)
	return ceilUnits(new(big.Rat).Quo(new(big.Rat).SetInt(moved), s))
}

func ceilUnits(x *big.Rat) (int64, error) {
	x = new(big.Rat).Mul(x, big.NewRat(rhoUnits, 1))
	q, rest := new(big.Int).QuoRem(x.Num(), x.Denom(), new(big.Int))
	if rest.Sign() > 0 {
		q.Add(q, big.NewInt(1))
	}
	if !q.IsInt64() {
		return 0, fmt.Errorf("%w: rho is too large", ErrCost)
	}
	return q.Int64(), nil
}

// deltaCeil is x in units of 1e-21, rounded up, saturating: a delta of 9.2e-3
// or more is charged as MaxInt64 and so fits under no sensible cap.
func deltaCeil(x float64) int64 {
	u := math.Ceil(x * deltaUnits * (1 + 1e-12)) // the slack covers the float's own error
	if !(u < math.MaxInt64) {
		return math.MaxInt64
	}
	return int64(u)
}

// addDelta adds, saturating.
func addDelta(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
