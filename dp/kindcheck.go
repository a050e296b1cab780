package dp

import (
	"fmt"
	"math"
	"math/big"
)

// checkStray refuses a bound or switch on a kind that does not use it: it would
// look as if it counted.
func (m Measure) checkStray() error {
	switch {
	case m.Competing && m.Kind != KindSurvival:
		return fmt.Errorf("%w: competing events belong to survival", ErrSpec)
	case m.Kind != KindSpread && (m.Unit2 != 0 || m.Hi2 != 0 || m.ReferenceSD != 0):
		return fmt.Errorf("%w: Unit2, Hi2 and ReferenceSD belong to a spread", ErrSpec)
	case m.Kind != KindMarginals && (len(m.Attributes) > 0 || m.Synthetic != 0):
		return fmt.Errorf("%w: Attributes and Synthetic belong to marginals", ErrSpec)
	case m.Kind != KindSeries && len(m.HiAt) > 0:
		return fmt.Errorf("%w: HiAt belongs to a series", ErrSpec)
	}
	return nil
}

// checkOwn proves the bounds that only one kind has.
func (m Measure) checkOwn(s Spec) error {
	switch m.Kind {
	case KindVector:
		if m.RowLo < 0 || m.Lo != 0 {
			return fmt.Errorf("%w: a vector needs RowLo of at least 0 and Lo = 0", ErrBounds)
		}
	case KindSpread:
		return m.checkSpread(s)
	case KindSeries:
		if len(m.HiAt) == 0 {
			return nil
		}
		if len(m.HiAt) != len(m.Positions) {
			return fmt.Errorf("%w: HiAt needs one clamp per position", ErrBounds)
		}
		for _, hi := range m.HiAt {
			if hi <= m.Lo {
				return fmt.Errorf("%w: HiAt must be above Lo", ErrBounds)
			}
			if hi > MaxMagnitude || hi < -MaxMagnitude {
				return fmt.Errorf("%w: a bound is beyond 2^61", ErrOverflow)
			}
		}
	}
	return nil
}

// checkSpread proves that no row's square, no person's sum of squares and no
// cell of them can overflow.
func (m Measure) checkSpread(s Spec) error {
	if m.Unit2 < 1 || m.Hi2 < 1 || m.Unit2 > math.MaxInt32 {
		return fmt.Errorf("%w: a spread needs Unit2 in [1, 2^31) and Hi2 of at least 1", ErrBounds)
	}
	if math.IsNaN(m.ReferenceSD) || math.IsInf(m.ReferenceSD, 0) || m.ReferenceSD < 0 {
		return fmt.Errorf("%w: ReferenceSD must be finite", ErrSpec)
	}
	farthest := big.NewInt(max(magnitude(m.RowLo-m.Centre), magnitude(m.RowHi-m.Centre)))
	unit := big.NewInt(m.Unit2)
	square := farthest.Mul(farthest, farthest)
	square.Quo(square, unit.Mul(unit, unit)).Add(square, big.NewInt(1)) // rounded up
	if square.Mul(square, big.NewInt(int64(m.Rows))).Cmp(big.NewInt(MaxMagnitude)) >= 0 {
		return fmt.Errorf("%w: rows times the square of a row; Unit2 is too fine", ErrOverflow)
	}
	if !productBelow(s.MaxPeople, m.Hi2, MaxMagnitude) {
		return fmt.Errorf("%w: people times Hi2", ErrOverflow)
	}
	return nil
}

// emitted lists the names of the numbers a measure gives.
func (m Measure) emitted() []string {
	out := []string{m.Name}
	switch {
	case m.Kind == KindSpread:
		out = append(out, m.Name+"_sd", m.Name+"_cv")
	case m.Competing:
		out = append(out, m.Name+"_incidence")
	}
	if m.RowsName != "" && (m.Kind == KindMean || m.Kind == KindSpread) {
		out = append(out, m.RowsName)
	}
	return out
}

// checkEmitted refuses two numbers of one name.
func (c *compiled) checkEmitted() error {
	seen := map[string]bool{peopleName: true}
	for _, m := range c.measures {
		for _, name := range m.emitted() {
			if seen[name] {
				return fmt.Errorf("%w: two numbers would be named %q", ErrSpec, name)
			}
			seen[name] = true
		}
	}
	return nil
}

// fates is the number of cells per position of a survival measure: censored,
// event and perhaps competing event.
func (m Measure) fates() int {
	if m.Competing {
		return 3
	}
	return 2
}
