package dp

import (
	"fmt"
	"math"
	"math/bits"
)

// Limits of a question.
const (
	MaxGroups    = 200_000   // public groups
	MaxCells     = 2_000_000 // public groups times cells per group: each cell is a draw of some 15 us
	MaxL0        = 1_000_000
	MaxPositions = 4096 // positions of an axis
	MaxMagnitude = 1 << 61
)

// Check refuses a question that is malformed, unbounded or could overflow. Price
// and NewTotals call it; a template can call it at registration.
func (s Spec) Check() error {
	_, err := compile(s)
	return err
}

func (s Spec) checkShape() error {
	switch {
	case s.L0 < 1 || s.L0 > MaxL0:
		return fmt.Errorf("%w: L0 must be in [1, %d]", ErrBounds, MaxL0)
	case s.K < 2 || s.K > math.MaxInt32:
		return fmt.Errorf("%w: k must be at least 2", ErrBounds)
	case s.MaxRows < 1 || s.MaxPeople < 1:
		return fmt.Errorf("%w: MaxRows and MaxPeople must be at least 1", ErrBounds)
	}
	if err := distinct("column", s.Columns); err != nil {
		return err
	}
	return s.checkKeys()
}

func (s Spec) checkKeys() error {
	names := make([]string, len(s.Keys))
	groups := 1
	for i, k := range s.Keys {
		names[i] = k.Name
		switch {
		case k.Private && len(k.Values) > 0:
			return fmt.Errorf("%w: key %q is private and lists values", ErrSpec, k.Name)
		case k.Private && s.NoisyK:
			return fmt.Errorf("%w: a noisy k needs public keys, %q is private", ErrSpec, k.Name)
		case k.Private:
			continue
		case len(k.Values) == 0:
			return fmt.Errorf("%w: key %q has no values", ErrSpec, k.Name)
		}
		seen := make(map[string]bool, len(k.Values))
		for _, v := range k.Values {
			if seen[v] {
				return fmt.Errorf("%w: key %q lists %q twice", ErrSpec, k.Name, v)
			}
			seen[v] = true
		}
		if len(k.Values) > MaxGroups/groups {
			return fmt.Errorf("%w: more than %d public groups", ErrTooManyCells, MaxGroups)
		}
		groups *= len(k.Values)
	}
	return distinct("key", names)
}

func distinct(what string, names []string) error {
	seen := make(map[string]bool, len(names))
	for _, n := range names {
		if n == "" || seen[n] {
			return fmt.Errorf("%w: %s %q is empty or repeated", ErrSpec, what, n)
		}
		seen[n] = true
	}
	return nil
}

// check refuses a measure whose bounds its kind needs and does not have.
func (m Measure) check(s Spec) error {
	if err := m.checkBounds(s); err != nil {
		return fmt.Errorf("%w (measure %q)", err, m.Name)
	}
	if err := m.checkAxis(); err != nil {
		return fmt.Errorf("%w (measure %q)", err, m.Name)
	}
	switch {
	case math.IsNaN(m.Weight) || math.IsInf(m.Weight, 0) || m.Weight < 0:
		return fmt.Errorf("%w: weight must be positive (measure %q)", ErrSpec, m.Name)
	case math.IsNaN(m.Reference) || math.IsInf(m.Reference, 0) || m.ReferencePeople < 0:
		return fmt.Errorf("%w: reference must be finite (measure %q)", ErrSpec, m.Name)
	}
	return nil
}

// clamps says whether a kind clamps rows and totals.
func (k Kind) clamps() bool {
	return k == KindSum || k == KindMean || k == KindSpread || k == KindQuantiles || k == KindSeries || k == KindVector
}

// axis says whether a kind has positions.
func (k Kind) axis() bool {
	return k == KindHistogram || k == KindSeries || k == KindVector || k == KindSurvival
}

// needsRows says whether only the row cap bounds a person's part.
func (k Kind) needsRows() bool {
	return k == KindRows || k == KindMean || k == KindSpread || k == KindHistogram || k == KindMarginals
}

func (m Measure) checkBounds(s Spec) error {
	if m.Rows < 0 || m.Rows > math.MaxInt32 || m.Kind.needsRows() && m.Rows < 1 {
		return fmt.Errorf("%w: rows per person and group must be at least 1", ErrBounds)
	}
	if m.Kind.needsRows() && !productBelow(s.MaxPeople, int64(m.Rows), MaxMagnitude) {
		return fmt.Errorf("%w: people times rows", ErrOverflow)
	}
	if m.Kind == KindSurvival && s.L0 != 1 {
		return fmt.Errorf("%w: survival needs L0 = 1", ErrBounds)
	}
	if err := m.checkStray(); err != nil {
		return err
	}
	if m.Kind == KindMarginals {
		return m.checkMarginals(s)
	}
	if !m.Kind.clamps() {
		return nil
	}
	if m.RowLo >= m.RowHi {
		return fmt.Errorf("%w: RowLo must be below RowHi", ErrBounds)
	}
	if m.Lo >= m.Hi {
		return fmt.Errorf("%w: Lo must be below Hi", ErrBounds)
	}
	for _, b := range []int64{m.RowLo, m.RowHi, m.Lo, m.Hi, m.Centre} {
		if b > MaxMagnitude || b < -MaxMagnitude {
			return fmt.Errorf("%w: a bound is beyond 2^61", ErrOverflow)
		}
	}
	if err := m.checkOwn(s); err != nil {
		return err
	}
	return m.checkSums(s)
}

// checkSums proves that no person's total and no cell can overflow.
func (m Measure) checkSums(s Spec) error {
	rows := s.MaxRows
	if m.Rows > 0 {
		rows = min(rows, int64(m.Rows))
	}
	if !productBelow(rows, max(magnitude(m.RowLo-m.Centre), magnitude(m.RowHi-m.Centre)), math.MaxInt64) {
		return fmt.Errorf("%w: rows times the clamp of a row", ErrOverflow)
	}
	if !productBelow(s.MaxPeople, m.linf(), MaxMagnitude) {
		return fmt.Errorf("%w: people times the clamp of a person", ErrOverflow)
	}
	return nil
}

func (m Measure) checkAxis() error {
	switch {
	case m.Kind.axis():
		if len(m.Positions) == 0 || len(m.Positions) > MaxPositions {
			return fmt.Errorf("%w: an axis needs 1 to %d positions", ErrBounds, MaxPositions)
		}
		if err := distinct("position", m.Positions); err != nil {
			return err
		}
	case m.Kind == KindQuantiles:
		if m.Octaves && m.Hi-m.Lo < minOctaves {
			return fmt.Errorf("%w: octaves need Hi-Lo of at least %d", ErrSpec, minOctaves)
		}
		if len(m.Probs) == 0 {
			return fmt.Errorf("%w: no probabilities", ErrSpec)
		}
		last := 0.0
		for _, p := range m.Probs {
			if !(p > last && p < 1) {
				return fmt.Errorf("%w: probabilities must ascend within (0, 1)", ErrSpec)
			}
			last = p
		}
	}
	if m.Octaves && m.Kind != KindQuantiles {
		return fmt.Errorf("%w: octaves belong to quantiles", ErrSpec)
	}
	if m.Kind == KindSeries && (m.MaxPositions < 1 || m.MaxPositions > len(m.Positions)) {
		return fmt.Errorf("%w: MaxPositions must be in [1, number of positions]", ErrBounds)
	}
	return nil
}

// linf is the most a person moves a summed cell.
func (m Measure) linf() int64 {
	if len(m.HiAt) == 0 {
		return max(magnitude(m.Lo), magnitude(m.Hi))
	}
	most := magnitude(m.Lo)
	for _, hi := range m.HiAt {
		most = max(most, magnitude(hi))
	}
	return most
}

func magnitude(x int64) int64 {
	if x < 0 {
		return -x
	}
	return x
}

// productBelow says a*b < limit for non-negative a and b.
func productBelow(a, b, limit int64) bool {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	return hi == 0 && lo < uint64(limit)
}
