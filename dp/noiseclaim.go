package dp

import (
	"fmt"
	"math"
)

// NoiseClaim is what a log says of the noise of one release: the deviation of
// every channel and the threshold. It is public.
type NoiseClaim struct{ p *Plan }

// ClaimNoise holds the logged deviations of a question's channels (as
// [Plan.Sigmas]) against what was charged for them: rho must be that of just
// these deviations, and what is left of delta sets the threshold, none meaning
// that k was noisy. NoisyK of the question is not asked. Errors: those of
// Spec.Check; ErrClaim where channels, deviations and charge do not agree.
func ClaimNoise(s Spec, sigmas map[string]float64, charged Cost) (*NoiseClaim, error) {
	s.NoisyK = false
	c, err := compile(s)
	if err != nil {
		return nil, err
	}
	if len(sigmas) != len(c.channels) {
		return nil, fmt.Errorf("%w: other channels than the question has", ErrClaim)
	}
	p := &Plan{c: c, cost: charged}
	var sum Cost
	for _, ch := range c.channels {
		sigma := sigmas[ch.name]
		if !(sigma >= float64(ch.linf) && sigma <= maxSigma) {
			return nil, fmt.Errorf("%w: no usable deviation of %s", ErrClaim, ch.name)
		}
		d := draw{linf: ch.linf, sigma: sigma}
		cost, err := ch.cost(s.L0, d)
		if err != nil {
			return nil, err
		}
		if cost.Rho > math.MaxInt64-sum.Rho {
			return nil, fmt.Errorf("%w: rho is too large", ErrCost)
		}
		sum.Rho, sum.Delta = sum.Rho+cost.Rho, addDelta(sum.Delta, cost.Delta)
		p.draws = append(p.draws, d)
	}
	left := charged.Delta - sum.Delta
	switch {
	case sum.Rho != charged.Rho, left < 0:
		return nil, fmt.Errorf("%w: the charge is not what the noise costs", ErrClaim)
	case left > 0:
		p.tau = tau(p.draws[0].sigma, float64(left)/deltaUnits/float64(s.L0))
	case c.radix == nil:
		return nil, fmt.Errorf("%w: a threshold without delta over private keys", ErrClaim)
	default:
		c.spec.NoisyK = true
		p.noisyMin = float64(s.K) + 3*p.draws[0].sigma
	}
	return &NoiseClaim{p}, nil
}

// Spec is the question as it was priced, which the totals must be for.
func (c *NoiseClaim) Spec() Spec { return c.p.Spec() }
