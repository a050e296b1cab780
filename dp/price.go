package dp

import (
	"fmt"
	"math"
)

const (
	// minRho is the least cost that can be asked for: below it the rounding up to
	// units of 1e-12 would be most of the cost.
	minRho = 1e-8
	// unnamedShare is what people and measures that no Error names cost together,
	// as a share of the named ones, split by Weight.
	unnamedShare = 0.05
)

// Price plans a question from its bounds alone; no data is touched. When the
// wish is a cost, it is split by Weight over people and measures, and the plan
// costs at most that and at least 99 % of it. When the wish is errors, each named
// measure gets the noise that just meets them, and the rest get noise that costs
// 5 % of what the named ones cost.
//
// Errors: those of Spec.Check; ErrWant, ErrUnknownMeasure, ErrReference,
// ErrAccuracy (also as ErrTooPrecise, ErrTooCoarse), ErrDelta, ErrOverflow.
func Price(s Spec, w Want, deltaShare DeltaRule) (*Plan, error) {
	c, err := compile(s)
	if err != nil {
		return nil, err
	}
	if (w.Rho != 0) == (len(w.Errors)+len(w.Ratios) > 0) {
		if w.Rho == 0 {
			return nil, fmt.Errorf("%w: %w", ErrWant, ErrAccuracy)
		}
		return nil, ErrWant
	}
	var draws []draw
	if w.Rho != 0 {
		draws, err = c.drawsForRho(w.Rho)
	} else {
		draws, err = c.drawsForErrors(w)
	}
	if err != nil {
		return nil, err
	}
	return c.plan(draws, deltaShare)
}

// plan adds up the cost of the draws and sets the threshold.
func (c *compiled) plan(draws []draw, rule DeltaRule) (*Plan, error) {
	p := &Plan{c: c, draws: draws}
	for i, ch := range c.channels {
		if err := ch.headroom(c.spec.MaxPeople, draws[i]); err != nil {
			return nil, err
		}
		cost, err := ch.cost(c.spec.L0, draws[i])
		if err != nil {
			return nil, err
		}
		if cost.Rho > math.MaxInt64-p.cost.Rho {
			return nil, fmt.Errorf("%w: rho is too large", ErrCost)
		}
		p.cost.Rho += cost.Rho
		p.cost.Delta = addDelta(p.cost.Delta, cost.Delta)
	}
	if c.spec.NoisyK {
		p.noisyMin = float64(c.spec.K) + 3*draws[0].sigma
		return p, nil
	}
	delta, units, err := rule.share(p.cost.Rho)
	if err != nil {
		return nil, err
	}
	p.cost.Delta = addDelta(p.cost.Delta, units)
	p.tau = tau(draws[0].sigma, delta/float64(c.spec.L0))
	return p, nil
}

// drawsForRho splits a total cost. Targets are a few units low, so that rounding
// every channel up cannot pass the total.
func (c *compiled) drawsForRho(total float64) ([]draw, error) {
	if err := accuracy(total); err != nil {
		return nil, err
	}
	if total < minRho {
		return nil, fmt.Errorf("%w: a cost below %g", ErrTooCoarse, minRho)
	}
	total -= float64(len(c.channels)+1) / rhoUnits
	weights := c.people.weight()
	for _, m := range c.measures {
		weights += m.weight()
	}
	rhos := make([]float64, len(c.channels))
	for i := -1; i < len(c.measures); i++ {
		c.assign(rhos, i, total*c.measure(i).weight()/weights)
	}
	draws := make([]draw, len(c.channels))
	for i, ch := range c.channels {
		var err error
		if draws[i], err = calibrate(ch.linf, ch.sigmaAt(c.spec.L0, rhos[i]), atLeast); err != nil {
			return nil, fmt.Errorf("%w (%s)", err, ch.name)
		}
	}
	return draws, nil
}

// assign gives a measure's rho to its channels.
func (c *compiled) assign(rhos []float64, i int, rho float64) {
	if i < 0 {
		rhos[0] = rho
		return
	}
	m := c.measures[i]
	for j, part := range m.split(rho) {
		rhos[m.channels[j]] = part
	}
}

// drawsForErrors finds each named measure's cost, then the others'.
func (c *compiled) drawsForErrors(want Want) ([]draw, error) {
	wishes, err := c.wishes(want.Errors)
	if err != nil {
		return nil, err
	}
	for _, r := range want.Ratios {
		if err := c.wishRatio(r, wishes); err != nil {
			return nil, err
		}
	}
	rhos := make([]float64, len(c.channels))
	named := 0.0
	unnamed := 0.0
	for i := -1; i < len(c.measures); i++ {
		if len(wishes[i]) == 0 {
			unnamed += c.measure(i).weight()
			continue
		}
		rho, err := c.rhoForAll(i, wishes[i])
		if err != nil {
			return nil, fmt.Errorf("%w (%s)", err, c.measure(i).Name)
		}
		c.assign(rhos, i, rho)
		named += rho
	}
	for i := -1; i < len(c.measures); i++ {
		if _, ok := wishes[i]; !ok {
			c.assign(rhos, i, unnamedShare*named*c.measure(i).weight()/unnamed)
		}
	}
	return c.drawsAt(rhos, wishes)
}

// drawsAt calibrates channels: those of named measures must not pass the wanted
// error; the others are moved into the range that can be drawn at all.
func (c *compiled) drawsAt(rhos []float64, wishes map[int][]wish) ([]draw, error) {
	draws := make([]draw, len(c.channels))
	for i := -1; i < len(c.measures); i++ {
		_, named := wishes[i]
		for _, j := range c.channelsOf(i) {
			ch := c.channels[j]
			target, s := ch.sigmaAt(c.spec.L0, rhos[j]), atMost
			if !named {
				target = math.Min(math.Max(target, float64(ch.linf)), math.Min(maxRelativeSigma*float64(ch.linf), maxSigma))
				s = atLeast
			}
			var err error
			if draws[j], err = calibrate(ch.linf, target, s); err != nil {
				return nil, fmt.Errorf("%w (%s)", err, ch.name)
			}
		}
	}
	return draws, nil
}

func (c *compiled) channelsOf(i int) []int {
	if i < 0 {
		return []int{0}
	}
	return c.measures[i].channels
}

// rhoForAll is the least rho that meets every wish about measure i.
func (c *compiled) rhoForAll(i int, wishes []wish) (float64, error) {
	most := 0.0
	for _, w := range wishes {
		rho, err := c.rhoFor(i, w)
		if err != nil {
			return 0, err
		}
		most = math.Max(most, rho)
	}
	return most, nil
}

// rhoFor is the least rho of measure i whose predicted half-width is w.
func (c *compiled) rhoFor(i int, w wish) (float64, error) {
	width := func(rho float64) float64 {
		rhos, sigmas := make([]float64, len(c.channels)), make([]float64, len(c.channels))
		c.assign(rhos, i, rho)
		for _, j := range c.channelsOf(i) {
			sigmas[j] = c.channels[j].sigmaAt(c.spec.L0, rhos[j])
		}
		return c.partWidth(i, w.part, sigmas, w.people)
	}
	m := c.measure(i)
	if (m.Kind == KindQuantiles || m.Kind == KindSurvival) && w.halfWidth >= 1 {
		return 0, ErrTooCoarse
	}
	lo, hi := math.Log(1e-14), math.Log(1e9) // calibration narrows this range later
	if width(math.Exp(lo)) <= w.halfWidth {
		return 0, ErrTooCoarse
	}
	if width(math.Exp(hi)) > w.halfWidth {
		return 0, ErrTooPrecise
	}
	for range 100 {
		mid := lo + (hi-lo)/2
		if width(math.Exp(mid)) > w.halfWidth {
			lo = mid
		} else {
			hi = mid
		}
	}
	return math.Exp(hi), nil
}
