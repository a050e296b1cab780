package dp

import (
	"fmt"
	"math"

	"github.com/qunxiang/qunxiang/dp/internal/normal"
)

// Plan is a priced question: the noise of every channel, the threshold and the
// cost. It is public and immutable.
type Plan struct {
	c        *compiled
	draws    []draw // one per channel
	tau      int64  // rule: n >= k and n+Z >= k-1+tau
	noisyMin float64
	cost     Cost
}

// tau is the least integer so that a person who makes a group reach k is seen
// with probability at most p = delta/L0: shown iff 1 + Z >= tau. Z is rounded to
// an integer, so that P(Z >= t) = Q((t - 1/2)/sigma), and the half is added back.
func tau(sigma, p float64) int64 {
	return 1 + int64(math.Ceil(sigma*normal.Quantile(p*(1-1e-12))+0.5))
}

// shown is the threshold: n is the exact count of people, noisy the released
// one. For a group of exactly k people the chance to be shown is delta/L0, for
// fewer it is 0, and beyond that only the noisy count speaks.
func (p *Plan) shown(n, noisy int64) bool {
	if p.c.spec.NoisyK {
		return float64(noisy) >= p.noisyMin
	}
	k := int64(p.c.spec.K)
	return n >= k && noisy >= k-1+p.tau
}

// Cost is what the request is charged on each of its scopes.
func (p *Plan) Cost() Cost { return p.cost }

// Tau is the noisy margin of the threshold in people: a group of n >= k people
// is shown iff its noisy count is at least k-1+tau. 0 when k is noisy.
func (p *Plan) Tau() int64 { return p.tau }

// Threshold is the least noisy count of people with which a group is shown.
func (p *Plan) Threshold() int64 {
	if p.c.spec.NoisyK {
		return int64(math.Ceil(p.noisyMin))
	}
	return int64(p.c.spec.K) - 1 + p.tau
}

// Spec is the question that was priced.
func (p *Plan) Spec() Spec { return p.c.spec.clone() }

// Groups is the number of public groups, 0 if any key is private.
func (p *Plan) Groups() int { return p.c.groups }

// SmallestGroup is the number of people from which a group is likely to be
// shown: ceil(k + tau + 1.645 sigma), at least 95 %.
func (p *Plan) SmallestGroup() int {
	sigma := p.draws[0].sigma
	if p.c.spec.NoisyK {
		return int(math.Ceil(p.noisyMin + 1.645*sigma))
	}
	return int(math.Ceil(float64(int64(p.c.spec.K)+p.tau) + 1.645*sigma))
}

// HalfWidth predicts the 95 % half-width of a measure ("people", a name, a
// spread's name with "_sd" or "_cv", that of marginals with "_pair", of a curve
// with "_band", a mean's with "_half" where it is half of Reference) in its unit, in a group of so many people (0: the measure's ReferencePeople). For
// quantiles it is the error of the rank (cumulative share), for survival the
// noise part of the error of the probability; for axes it is per position. Means
// are taken at Reference. ErrUnknownMeasure; ErrReference if the group size is
// needed and missing.
func (p *Plan) HalfWidth(measure string, people int) (float64, error) {
	i, part, err := p.c.findPart(measure)
	if err != nil {
		return 0, err
	}
	m := p.c.measure(i)
	if people == 0 {
		people = m.ReferencePeople
	}
	if people < 0 || people == 0 && m.Kind.dependsOnPeople() {
		return 0, fmt.Errorf("%w: %q: at how many people?", ErrReference, measure)
	}
	return p.c.partWidth(i, part, p.sigmas(), people), nil
}

func (p *Plan) sigmas() []float64 {
	out := make([]float64, len(p.draws))
	for i, d := range p.draws {
		out[i] = d.sigma
	}
	return out
}

// Sigmas is the noise of every channel, by name: "people", a measure's name, or
// for a mean its name with "/sum" and "/rows", for a spread also "/squares", for
// marginals "/one", "/score" and "/pair".
func (p *Plan) Sigmas() map[string]float64 {
	out := make(map[string]float64, len(p.draws))
	for i, ch := range p.c.channels {
		out[ch.name] = p.draws[i].sigma
	}
	return out
}

// AtLeastAsAccurate says whether p draws every channel of o with no more noise
// than o does.
func (p *Plan) AtLeastAsAccurate(o *Plan) bool {
	return AtLeastAsAccurate(p.Sigmas(), o.Sigmas())
}

// AtLeastAsAccurate compares stored Sigmas: have has exactly the channels of
// want, none with more noise.
func AtLeastAsAccurate(have, want map[string]float64) bool {
	if len(have) != len(want) {
		return false
	}
	for name, w := range want {
		if h, ok := have[name]; !ok || !(h > 0 && h <= w) {
			return false
		}
	}
	return true
}
