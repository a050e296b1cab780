package dp

import (
	"fmt"
	"math"
)

// CapFor is the cap that keeps a scope within (epsilon, delta): one half of
// delta converts rho by the tight conversion of Canonne, Kamath and Steinke
// (2020, Corollary 13), the other half pays for thresholds and the sampler.
// Both are rounded down. CapFor(10, 1e-9) has rho 1.06. ErrCost unless epsilon
// is in (0, 1000] and delta in (0, 0.01].
func CapFor(epsilon, delta float64) (Cost, error) {
	if !(epsilon > 0 && epsilon <= 1000) || !(delta > 0 && delta <= 0.01) {
		return Cost{}, fmt.Errorf("%w: a cap needs epsilon in (0, 1000] and delta in (0, 0.01]", ErrCost)
	}
	lo, hi := 0.0, epsilon // rho = epsilon always has a delta near 1
	for range 200 {
		mid := lo + (hi-lo)/2
		if epsilonOf(mid, delta/2) <= epsilon {
			lo = mid
		} else {
			hi = mid
		}
	}
	// One unit less than the floor, for the rounding of the bisection itself.
	c := Cost{Rho: int64(math.Floor(lo*rhoUnits*(1-1e-13))) - 1, Delta: int64(math.Floor(delta / 2 * deltaUnits * (1 - 1e-13)))}
	if c.Rho <= 0 || c.Delta <= 0 {
		return Cost{}, fmt.Errorf("%w: the cap is smaller than one unit", ErrCost)
	}
	return c, nil
}

// Epsilon is the smallest epsilon so that a cost implies (epsilon, delta)-DP:
// what remains of delta after c.Delta converts rho. +Inf if nothing remains.
// For display only; integers decide.
func Epsilon(c Cost, delta float64) float64 {
	return epsilonOf(c.RhoFloat(), delta-c.DeltaFloat())
}

// epsilonOf minimises over alpha > 1
//
//	alpha*rho + (ln(1/delta) + (alpha-1) ln(1-1/alpha) - ln alpha)/(alpha-1).
//
// Any alpha gives a valid epsilon, so an imperfect minimum errs to the safe side.
func epsilonOf(rho, delta float64) float64 {
	if rho <= 0 && delta > 0 {
		return 0
	}
	if !(delta > 0) {
		return math.Inf(1)
	}
	at := func(x float64) float64 { // x = ln(alpha - 1)
		a := math.Exp(x)
		return (1+a)*rho + (-math.Log(delta)-math.Log1p(a))/a + math.Log(a/(1+a))
	}
	lo, hi := -20.0, 50.0
	for range 300 {
		third := (hi - lo) / 3
		if at(lo+third) < at(hi-third) {
			hi -= third
		} else {
			lo += third
		}
	}
	return math.Max(0, at(lo+(hi-lo)/2))
}
