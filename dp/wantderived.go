package dp

import (
	"fmt"
	"math"
	"strings"
)

// part is which of a measure's numbers is meant.
type part int

const (
	itself part = iota
	deviation
	variation // coefficient of
	pair      // cell of marginals
	band      // of a survival curve: noise and sample
	half      // a mean that is half of Reference
)

// findPart is the index of the measure that a number belongs to.
func (c *compiled) findPart(name string) (int, part, error) {
	i, err := c.find(name)
	if err == nil {
		return i, itself, nil
	}
	for end, p := range map[string]part{"_sd": deviation, "_cv": variation, "_pair": pair, "_band": band, "_half": half} {
		kind := KindSpread
		switch p {
		case half:
			kind = KindMean
		case pair:
			kind = KindMarginals
		case band:
			kind = KindSurvival
		}
		base, ok := strings.CutSuffix(name, end)
		if j, found := c.find(base); ok && found == nil && j >= 0 && c.measures[j].Kind == kind {
			return j, p, nil
		}
	}
	return 0, itself, err
}

// partWidth predicts the half-width of a measure's number: for marginals of a
// cell of a chosen pair; for a survival curve's band with the error of the sample; for a spread's deviation and coefficient the delta method at Reference and ReferenceSD, with
// one kept row per person.
func (c *compiled) partWidth(i int, p part, sigmas []float64, people int) float64 {
	if p == itself {
		return c.halfWidth(i, sigmas, people)
	}
	m := c.measures[i]
	switch p {
	case half:
		return m.meanWidth(sigmas, m.Reference/2, float64(people))
	case pair:
		return z95 * sigmas[m.channels[2]]
	case band:
		// Greenwood's variance where nobody is censored: S(1-S)/n, most where the
		// curve is nearest to one half.
		last := m.lastSurvival()
		return math.Hypot(c.halfWidth(i, sigmas, people), z95*math.Sqrt(math.Max(last, 0.5)*(1-math.Max(last, 0.5))/float64(people)))
	}
	d, sd := m.typical()
	level, slope := m.gradient(d, sd)
	var noise [3]float64
	for j, ch := range m.channels {
		noise[j] = sigmas[ch]
	}
	widest := float64(m.RowHi-m.RowLo) / 2
	if p == variation {
		cv := sd / math.Abs(m.Reference)
		widest = cv // then it is not told from zero
		for j := range slope {
			slope[j] = cv * (slope[j]/sd - level[j]/math.Abs(m.Reference))
		}
	}
	return math.Min(z95*norm(slope, noise)/float64(people), widest)
}

// scaleOf is what a relative error of a number is relative to.
func (m Measure) scaleOf(p part, people int) (float64, error) {
	if p != deviation && p != variation {
		return m.scale(people)
	}
	if m.Reference == 0 {
		return 0, fmt.Errorf("%w: %q: relative to what?", ErrReference, m.Name)
	}
	_, sd := m.typical()
	if p == variation {
		return sd / math.Abs(m.Reference), nil
	}
	return sd, nil
}

// RatioError is a wanted 95 % half-width of Of/By*Scale in a group of At people,
// exactly one of Abs (in the ratio's unit) and Rel (a share of the ratio of the
// references). Of and By are "people" or measures of kind rows, sum, histogram,
// series or vector, the latter three per position; each but people needs a
// Reference.
//
// The noise of both is chosen so that together they cost least: the ratio's
// variance is a sum of a_i*sigma_i^2 and the cost a sum of c_i/sigma_i^2, which at
// a given variance is least when sigma_i^2 is as sqrt(c_i/a_i). A measure that is
// already wanted with less noise, by an Error or by an earlier Ratio, keeps it,
// and the other may have the more. Several ratios that share measures are met,
// each by its own least; together they may then cost a little more than the
// least possible.
type RatioError struct {
	Of, By string
	Scale  float64 // 0 means 1
	Abs    float64
	Rel    float64
	At     int
}

// ratio is a resolved RatioError: for each side its measure, what it is expected
// to be in the group, and the least deviation another wish already gives it.
type ratio struct {
	index    [2]int
	expected [2]float64
	limit    [2]float64
	scale    float64
}

func (c *compiled) resolve(of, by string, scale float64, at int, wishes map[int][]wish) (ratio, error) {
	r := ratio{scale: scale}
	if scale == 0 {
		r.scale = 1
	}
	if !(r.scale > 0) || math.IsInf(r.scale, 0) {
		return r, fmt.Errorf("%w: a ratio's scale must be above 0", ErrAccuracy)
	}
	if at < 1 {
		return r, fmt.Errorf("%w: %q by %q: at how many people?", ErrReference, of, by)
	}
	for side, name := range []string{of, by} {
		i, err := c.find(name)
		if err != nil {
			return r, err
		}
		m := c.measure(i)
		if m.Kind.dependsOnPeople() || m.Kind == KindMarginals {
			return r, fmt.Errorf("%w: %q is no number that a ratio can be wanted of", ErrWant, name)
		}
		if r.expected[side], err = m.scale(at); err != nil {
			return r, err
		}
		r.index[side], r.limit[side] = i, math.Inf(1)
		for _, w := range wishes[i] {
			r.limit[side] = math.Min(r.limit[side], w.halfWidth/z95)
		}
	}
	if r.index[0] == r.index[1] {
		return r, fmt.Errorf("%w: a ratio of %q to itself", ErrWant, of)
	}
	return r, nil
}

// width is the half-width of the ratio at these deviations; +Inf where the
// denominator could be zero.
func (r ratio) width(sigma [2]float64) float64 {
	low, high, ok := fieller(r.expected[0], r.expected[1], sigma[0]*sigma[0], 0, sigma[1]*sigma[1])
	if !ok {
		return math.Inf(1)
	}
	return (high - low) / 2 * r.scale
}

// wishRatio turns a wanted ratio into wishes about its two measures.
func (c *compiled) wishRatio(e RatioError, wishes map[int][]wish) error {
	if (e.Abs != 0) == (e.Rel != 0) {
		return fmt.Errorf("%w: %q by %q needs a positive Abs or Rel, not both", ErrAccuracy, e.Of, e.By)
	}
	if err := accuracy(e.Abs + e.Rel); err != nil {
		return err
	}
	r, err := c.resolve(e.Of, e.By, e.Scale, e.At, wishes)
	if err != nil {
		return err
	}
	wanted := e.Abs
	if e.Rel != 0 {
		wanted = e.Rel * r.scale * r.expected[0] / r.expected[1]
	}
	if err := accuracy(wanted); err != nil {
		return err
	}
	var shape [2]float64
	slope := [2]float64{1, r.expected[0] / r.expected[1]}
	for side, i := range r.index {
		unit := c.channels[c.channelsOf(i)[0]].sigmaAt(1, 1) // as the root of c_i
		shape[side] = math.Sqrt(unit / slope[side])
	}
	at := func(t float64) [2]float64 {
		return [2]float64{math.Min(t*shape[0], r.limit[0]), math.Min(t*shape[1], r.limit[1])}
	}
	lo, hi := math.Log(1e-30), math.Log(1e30)
	if r.width(at(math.Exp(lo))) > wanted {
		return ErrTooPrecise
	}
	for range 200 {
		mid := lo + (hi-lo)/2
		if r.width(at(math.Exp(mid))) > wanted {
			hi = mid
		} else {
			lo = mid
		}
	}
	for side, sigma := range at(math.Exp(lo)) {
		i := r.index[side]
		wishes[i] = append(wishes[i], wish{halfWidth: z95 * sigma, people: e.At})
	}
	return nil
}

// RatioHalfWidth predicts the 95 % half-width of of/by*scale, at their
// references, in a group of so many people; scale 0 means 1. ErrUnknownMeasure,
// ErrReference, ErrWant as for a wanted RatioError; +Inf where the noise leaves
// open whether the denominator is zero.
func (p *Plan) RatioHalfWidth(of, by string, scale float64, people int) (float64, error) {
	r, err := p.c.resolve(of, by, scale, people, nil)
	if err != nil {
		return 0, err
	}
	sigmas := p.sigmas()
	return r.width([2]float64{sigmas[p.c.channelsOf(r.index[0])[0]], sigmas[p.c.channelsOf(r.index[1])[0]]}), nil
}
