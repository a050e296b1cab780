package dp

import (
	"fmt"
	"math/big"
)

// Limits of marginals.
const (
	MaxAttributes = 12
	MaxLabels     = 64      // values of an attribute
	MaxSynthetic  = 100_000 // rows of a synthetic population
)

// pairTable is where the contingency table of attributes a < b lies among a
// group's cells: value i of a and j of b at offset + i*cols + j.
type pairTable struct{ a, b, offset, rows, cols int }

func (t pairTable) cells() int { return t.rows * t.cols }

// checkMarginals proves the bounds of marginals. A score is the sum of the
// distances of two tables of MaxPeople and hardly more people, hence the 4.
func (m Measure) checkMarginals(s Spec) error {
	d := len(m.Attributes)
	switch {
	case s.L0 != 1 || len(s.Keys) > 0:
		return fmt.Errorf("%w: marginals need L0 = 1 and no keys", ErrBounds)
	case m.Rows != 1:
		return fmt.Errorf("%w: marginals take one row per person", ErrBounds)
	case d < 2 || d > MaxAttributes:
		return fmt.Errorf("%w: marginals need 2 to %d attributes", ErrBounds, MaxAttributes)
	case m.Synthetic < 1 || m.Synthetic > MaxSynthetic:
		return fmt.Errorf("%w: a synthetic population has 1 to %d rows", ErrBounds, MaxSynthetic)
	case !productBelow(s.MaxPeople, 4, MaxMagnitude):
		return fmt.Errorf("%w: scores of so many people", ErrOverflow)
	}
	names := make([]string, d)
	for i, a := range m.Attributes {
		names[i] = a.Name
		if len(a.Values) < 2 || len(a.Values) > MaxLabels {
			return fmt.Errorf("%w: attribute %q needs 2 to %d values", ErrBounds, a.Name, MaxLabels)
		}
		if err := distinct("value", a.Values); err != nil {
			return err
		}
	}
	return distinct("attribute", names)
}

// addMarginals lays out the pair tables, which stay in the totals, and the
// channels that are drawn from them. One person is in one cell of every one-way
// table (d cells move by 1) and of every chosen pair (d-1 of them, for the tree is
// fixed by noisy scores), and moves each of the d(d-1)/2 scores by at most 1.
func (c *compiled) addMarginals(m *measure) {
	d := int64(len(m.Attributes))
	for i, part := range []string{"/one", "/score", "/pair"} {
		moved := []int64{d, d * (d - 1) / 2, d - 1}[i]
		m.channels = append(m.channels, c.add(m.Name+part, 0, 1, moved, big.NewInt(moved)))
	}
	for a := range m.Attributes {
		for b := a + 1; b < len(m.Attributes); b++ {
			t := pairTable{a, b, c.stride, len(m.Attributes[a].Values), len(m.Attributes[b].Values)}
			m.pairs = append(m.pairs, t)
			c.stride += t.cells()
		}
	}
}

// addMarginals puts a person, who has one row by now, into one cell of each pair.
func (s *state) addMarginals(b *Batch, m *measure, base int, rows []int32) {
	if len(rows) == 0 {
		return
	}
	var at [MaxAttributes]int
	for i, col := range m.attributes {
		last := len(m.Attributes[i].Values) - 1
		at[i] = last
		if v := uint64(b.Values[col][rows[0]]); v < uint64(last) {
			at[i] = int(v)
		}
	}
	for _, t := range m.pairs {
		s.cells[base+t.offset+at[t.a]*t.cols+at[t.b]]++
	}
}

// stored lists the regions of a group's cells: channels, and in place of those
// that marginals draw as they go the pair tables they draw from, NAME/tables.
func (c *compiled) stored() []channel {
	var out []channel
	for _, ch := range c.channels {
		if ch.cells > 0 {
			out = append(out, ch)
		}
	}
	for _, m := range c.measures {
		if m.Kind != KindMarginals {
			continue
		}
		cells, pairs := 0, int64(len(m.pairs))
		for _, t := range m.pairs {
			cells += t.cells()
		}
		out = append(out, channel{m.Name + "/tables", m.pairs[0].offset, cells, 1, pairs, big.NewInt(pairs)})
	}
	return out
}
