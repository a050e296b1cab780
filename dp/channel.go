package dp

import (
	"fmt"
	"math/big"
	"strings"
)

// Shape of the quantile tree: 16 coarse bins of 16 leaves each.
const (
	fanout = 16
	leaves = fanout * fanout
)

// peopleName names the people count among channels and measures.
const peopleName = "people"

// channel is one vector of integer cells per group; all its cells get noise of
// the same sigma.
type channel struct {
	name   string
	offset int      // of its first cell in a group's cells
	cells  int      // how many; 0 for those of marginals, which are drawn from the pair tables
	linf   int64    // most one person moves one cell
	moved  int64    // most cells one person moves in a group
	delta2 *big.Int // squared L2 distance one person makes in a group
}

// compiled is a checked Spec with its cell layout.
type compiled struct {
	spec       Spec
	people     Measure // weight and unit of the people count
	measures   []measure
	channels   []channel // [0] is people
	selections []selection
	stride     int   // cells per group
	radix      []int // nil if any key is private
	groups     int   // public groups, 0 if any key is private
}

// measure is a Measure with its places resolved.
type measure struct {
	Measure
	channels       []int // mean: sum, rows; spread: sum, rows, squares; marginals: one, score, pair; else one
	col, at, event int   // column indexes, -1 if none
	selection      int   // index into compiled.selections, -1 if none

	attributes []int       // marginals: column indexes
	pairs      []pairTable // marginals: where the tables are
}

// selection is a rule by which rows are kept; measures with the same rule share
// the work and keep the same rows.
type selection struct {
	col, at, positions, rows int
}

func compile(s Spec) (*compiled, error) {
	if err := s.checkShape(); err != nil {
		return nil, err
	}
	c := &compiled{spec: s.clone(), radix: s.Radix(), people: Measure{Name: peopleName, Unit: peopleName, Kind: KindPeople}}
	c.add(peopleName, 1, 1, 1, big.NewInt(1))
	named := map[string]bool{}
	for _, m := range c.spec.Measures {
		if m.Kind == KindPeople && m.Name == "" {
			m.Name = peopleName
		}
		if m.Name == "" || strings.Contains(m.Name, "/") || named[m.Name] || (m.Name == peopleName) != (m.Kind == KindPeople) {
			return nil, fmt.Errorf("%w: measure name %q is empty, repeated, reserved or has a slash", ErrSpec, m.Name)
		}
		named[m.Name] = true
		if err := m.check(s); err != nil {
			return nil, err
		}
		if err := c.addMeasure(m); err != nil {
			return nil, err
		}
	}
	if err := c.checkEmitted(); err != nil {
		return nil, err
	}
	if c.radix != nil {
		c.groups = 1
		for _, n := range c.radix {
			c.groups *= n
		}
	}
	if c.stride > MaxCells/max(c.groups, 1) {
		return nil, fmt.Errorf("%w: more than %d cells", ErrTooManyCells, MaxCells)
	}
	return c, nil
}

func (c *compiled) addMeasure(m Measure) error {
	if m.Kind == KindPeople {
		if m.Unit == "" {
			m.Unit = peopleName
		}
		c.people = m
		return nil
	}
	x := measure{Measure: m, selection: -1}
	var err error
	if x.col, err = c.column(m, "value", m.Column, m.Kind.clamps(), m.Kind.clamps() || m.Kind == KindRows); err != nil {
		return err
	}
	axis := m.Kind.axis()
	if x.at, err = c.column(m, "position", m.At, axis, axis); err != nil {
		return err
	}
	survival := m.Kind == KindSurvival
	if x.event, err = c.column(m, "event", m.Event, survival, survival); err != nil {
		return err
	}
	if !survival {
		x.selection = c.selectionOf(selection{x.col, x.at, len(m.Positions), m.Rows})
	}
	for _, a := range m.Attributes {
		i, err := c.column(m, "attribute", a.Column, true, true)
		if err != nil {
			return err
		}
		x.attributes = append(x.attributes, i)
	}
	if err := c.addChannels(&x); err != nil {
		return err
	}
	c.measures = append(c.measures, x)
	return nil
}

// addChannels is the table of sensitivities in the package comment.
func (c *compiled) addChannels(m *measure) error {
	r, a := int64(m.Rows), int64(m.MaxPositions)
	square := func(x int64) *big.Int { return new(big.Int).Mul(big.NewInt(x), big.NewInt(x)) }
	switch m.Kind {
	case KindRows:
		m.channels = []int{c.add(m.Name, 1, r, 1, square(r))}
	case KindSum:
		m.channels = []int{c.add(m.Name, 1, m.linf(), 1, square(m.linf()))}
	case KindMean, KindSpread:
		m.channels = []int{
			c.add(m.Name+"/sum", 1, m.linf(), 1, square(m.linf())),
			c.add(m.Name+"/rows", 1, r, 1, square(r)),
		}
		if m.Kind == KindSpread {
			m.channels = append(m.channels, c.add(m.Name+"/squares", 1, m.Hi2, 1, square(m.Hi2)))
		}
	case KindQuantiles:
		m.channels = []int{c.add(m.Name, fanout+leaves, 1, 2, big.NewInt(2))}
	case KindHistogram:
		n := len(m.Positions)
		m.channels = []int{c.add(m.Name, n, r, min(r, int64(n)), square(r))}
	case KindSeries:
		m.channels = []int{c.add(m.Name, len(m.Positions), m.linf(), a, m.seriesDelta2())}
	case KindVector:
		// The parts are integers of at least 1 that add up to at most Hi, so the L2
		// norm is at most the L1 norm, Hi, and no more than Hi of them are moved.
		m.channels = []int{c.add(m.Name, len(m.Positions), m.Hi, min(m.Hi, int64(len(m.Positions))), square(m.Hi))}
	case KindSurvival:
		m.channels = []int{c.add(m.Name, m.fates()*len(m.Positions), 1, 1, big.NewInt(1))}
	case KindMarginals:
		c.addMarginals(m)
	default:
		return fmt.Errorf("%w: measure %q has unknown kind %q", ErrSpec, m.Name, m.Kind)
	}
	return nil
}

func (c *compiled) add(name string, cells int, linf, moved int64, delta2 *big.Int) int {
	c.channels = append(c.channels, channel{name: name, offset: c.stride, cells: cells, linf: linf, moved: moved, delta2: delta2})
	c.stride += cells
	return len(c.channels) - 1
}

// column finds a column by name. A column that the kind does not use must not
// be named: it would look as if it counted.
func (c *compiled) column(m Measure, what, name string, needed, used bool) (int, error) {
	if name == "" && !needed {
		return -1, nil
	}
	if used {
		for i, n := range c.spec.Columns {
			if n == name {
				return i, nil
			}
		}
	}
	return -1, fmt.Errorf("%w: measure %q: no %s column %q", ErrSpec, m.Name, what, name)
}

func (c *compiled) selectionOf(s selection) int {
	for i, have := range c.selections {
		if have == s {
			return i
		}
	}
	c.selections = append(c.selections, s)
	return len(c.selections) - 1
}

// find is the index of a named measure, -1 for people.
func (c *compiled) find(name string) (int, error) {
	if name == peopleName {
		return -1, nil
	}
	for i, m := range c.measures {
		if m.Name == name {
			return i, nil
		}
	}
	return 0, fmt.Errorf("%w: %q", ErrUnknownMeasure, name)
}
