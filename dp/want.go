package dp

import (
	"fmt"
	"math"
	"math/bits"
)

// Want is the accuracy or the cost that is wanted: exactly one of the two.
//
// Several wanted errors are met at the least total cost: measures are drawn
// apart, so each gets the noise that just meets its own; where one number needs
// two or three draws (mean, spread, ratio), their costs are in the proportion
// that makes the sum least.
type Want struct {
	Rho    float64      // total zCDP cost, at least 1e-8; split over people and measures by Weight
	Errors []Error      // 95 % half-widths
	Ratios []RatioError // 95 % half-widths of ratios of two measures
}

// Error is a wanted 95 % half-width of the noise, exactly one of Abs and Rel.
//
// Abs is in the measure's unit; for quantiles it is of the cumulative share (the
// rank, 0.05 meaning that the 50 % quantile lies among the true 45 % to 55 %),
// for survival of the probability. A spread's "_sd" and "_cv" may be named too,
// at ReferenceSD; Rel is then relative to them. Rel is a share of the Reference at group size
// At: of Reference itself for a mean or survival, of Reference times At for
// sums, rows and their axes, of At for people, of the rank for quantiles.
type Error struct {
	Measure string // "" means people and every measure that no other Error names
	Abs     float64
	Rel     float64
	At      int // people in the group; Abs may leave it 0 for ReferencePeople
}

// DeltaRule says how much delta the threshold of a request gets.
type DeltaRule struct {
	// Cap is the scope's cap. The threshold gets nine tenths of its delta in
	// proportion to the request's share of its rho (at least 1e-18), so that delta
	// runs out no sooner than rho does.
	Cap Cost
	// Fixed, if not 0, is the threshold's delta itself, in (0, 1).
	Fixed float64
}

// minDelta is the least delta a threshold gets, in units of 1e-21.
const minDelta = 1000

// share is the threshold's delta for a request that costs rho units: as a number
// and in units.
func (d DeltaRule) share(rho int64) (float64, int64, error) {
	if d.Fixed != 0 {
		if !(d.Fixed > 0 && d.Fixed < 1) {
			return 0, 0, fmt.Errorf("%w: Fixed must be in (0, 1)", ErrDelta)
		}
		return d.Fixed, deltaCeil(d.Fixed), nil
	}
	if d.Cap.Rho <= 0 || d.Cap.Delta <= 0 {
		return 0, 0, fmt.Errorf("%w: the cap is empty", ErrDelta)
	}
	units := int64(math.MaxInt64)
	hi, lo := bits.Mul64(uint64(d.Cap.Delta/10*9), uint64(rho))
	if hi < uint64(d.Cap.Rho) {
		if q, _ := bits.Div64(hi, lo, uint64(d.Cap.Rho)); q < math.MaxInt64 {
			units = int64(q)
		}
	}
	units = max(units, minDelta)
	return float64(units) / deltaUnits, units, nil
}

// accuracy refuses what is not a positive, normal, finite number.
func accuracy(x float64) error {
	if math.IsNaN(x) || x <= 0 || x < 1e-300 || x > 1e300 {
		return fmt.Errorf("%w: %g", ErrAccuracy, x)
	}
	return nil
}

// wishes resolves the Errors to half-widths by named measure: the keys are
// indexes of compiled.measures, -1 for people.
func (c *compiled) wishes(errors []Error) (map[int][]wish, error) {
	out, seen := map[int][]wish{}, map[string]bool{}
	var rest *Error
	for i, e := range errors {
		if seen[e.Measure] {
			return nil, fmt.Errorf("%w: %q twice", ErrWant, e.Measure)
		}
		seen[e.Measure] = true
		if e.Measure == "" {
			rest = &errors[i]
			continue
		}
		if err := c.wish(e, out); err != nil {
			return nil, err
		}
	}
	if rest == nil {
		return out, nil
	}
	for i := -1; i < len(c.measures); i++ {
		e := *rest
		e.Measure = c.measure(i).Name
		if _, named := out[i]; named {
			continue
		}
		if err := c.wish(e, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// wish is a half-width in the measure's unit at a group size.
type wish struct {
	part      part
	halfWidth float64
	people    int
}

func (c *compiled) wish(e Error, out map[int][]wish) error {
	i, part, err := c.findPart(e.Measure)
	if err != nil {
		return err
	}
	m := c.measure(i)
	if (e.Abs != 0) == (e.Rel != 0) {
		return fmt.Errorf("%w: %q needs a positive Abs or Rel, not both", ErrAccuracy, e.Measure)
	}
	if err := accuracy(e.Abs + e.Rel); err != nil {
		return err
	}
	if e.At < 0 || e.Rel != 0 && e.At == 0 {
		return fmt.Errorf("%w: %q: at how many people?", ErrReference, e.Measure)
	}
	w := wish{part: part, halfWidth: e.Abs, people: e.At}
	if w.people == 0 {
		w.people = m.ReferencePeople
	}
	if w.people == 0 && m.Kind.dependsOnPeople() {
		return fmt.Errorf("%w: %q: at how many people?", ErrReference, e.Measure)
	}
	if e.Rel != 0 {
		scale, err := m.scaleOf(part, e.At)
		if err != nil {
			return err
		}
		w.halfWidth = e.Rel * scale
		if err := accuracy(w.halfWidth); err != nil {
			return err
		}
	}
	out[i] = append(out[i], w)
	return nil
}

// scale is what a relative error is relative to, at a group size.
func (m Measure) scale(people int) (float64, error) {
	switch m.Kind {
	case KindPeople:
		return float64(people), nil
	case KindQuantiles:
		return 1, nil
	}
	if m.Reference == 0 {
		return 0, fmt.Errorf("%w: %q: relative to what?", ErrReference, m.Name)
	}
	if m.Kind.dependsOnPeople() {
		return math.Abs(m.Reference), nil
	}
	return math.Abs(m.Reference) * float64(people), nil
}

// dependsOnPeople says whether the error in the unit shrinks with the group.
func (k Kind) dependsOnPeople() bool {
	return k == KindMean || k == KindSpread || k == KindQuantiles || k == KindSurvival
}

// measure is a named measure; -1 is people.
func (c *compiled) measure(i int) Measure {
	if i < 0 {
		return c.people
	}
	return c.measures[i].Measure
}
