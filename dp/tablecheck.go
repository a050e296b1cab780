package dp

import (
	"fmt"
	"math"
	"slices"
)

// Check says whether a table that came from elsewhere has the shape of this
// plan's answers: its groups in their order, its numbers under their names and
// units, finite, with the positions they have, and no group shown below the
// threshold. Whether the numbers were drawn as they should be, nobody can tell
// from them. ErrTable, which quotes nothing of the table.
func (p *Plan) Check(t *Table) error {
	if t == nil || t.Groups == nil {
		return fmt.Errorf("%w: there is none", ErrTable)
	}
	if err := p.checkGroups(t.Groups); err != nil {
		return err
	}
	for i := range t.Groups {
		g := &t.Groups[i]
		if g.Suppressed {
			if p.c.radix == nil || len(g.Measures) > 0 {
				return fmt.Errorf("%w: a suppressed group", ErrTable)
			}
			continue
		}
		if !p.shape(g.Measures) {
			return fmt.Errorf("%w: a group's numbers", ErrTable)
		}
		if people := g.Measures[0].Value; people != math.Trunc(people) || people < float64(p.Threshold()) {
			return fmt.Errorf("%w: a group below the threshold", ErrTable)
		}
	}
	return nil
}

// checkGroups wants every public group in the order of its code, or private
// groups in the order of their keys, none twice.
func (p *Plan) checkGroups(groups []Group) error {
	if p.c.radix != nil {
		if len(groups) != p.c.groups {
			return fmt.Errorf("%w: not all public groups", ErrTable)
		}
		for i := range groups {
			if !slices.Equal(groups[i].Keys, p.c.keysOf(i)) {
				return fmt.Errorf("%w: a public group out of its place", ErrTable)
			}
		}
		return nil
	}
	s := newState(p.c, [16]byte{})
	for i := range groups {
		keys := groups[i].Keys
		if len(keys) != len(p.c.spec.Keys) {
			return fmt.Errorf("%w: a group's key", ErrTable)
		}
		for j, k := range p.c.spec.Keys {
			if _, public := s.values[j][keys[j]]; !k.Private && !public {
				return fmt.Errorf("%w: a group's key", ErrTable)
			}
		}
		if i > 0 && s.compareKeys(groups[i-1].Keys, keys) >= 0 {
			return fmt.Errorf("%w: groups out of order", ErrTable)
		}
	}
	return nil
}

// number is the shape of one Measured.
type number struct {
	name, unit string
	optional   bool // left out where it cannot be told from nothing
	axis       bool
	at         []string // labels of the positions
	cut        bool     // the axis may end early, and has a noise of its own
	marginals  *measure
}

// numbers are the shapes of what one shown group has, in order.
func (p *Plan) numbers() []number {
	out := []number{{name: peopleName, unit: p.c.people.Unit}}
	for i := range p.c.measures {
		m := &p.c.measures[i]
		n := number{name: m.Name, unit: m.Unit}
		switch m.Kind {
		case KindMean, KindSpread:
			n.optional = true
		case KindQuantiles:
			n.axis = true
			for _, p := range m.Probs {
				n.at = append(n.at, label(p))
			}
		case KindHistogram, KindSeries, KindVector:
			n.axis, n.at = true, m.Positions
		case KindSurvival:
			n.axis, n.at, n.cut = true, m.Positions, true
		case KindMarginals:
			n.axis, n.at, n.marginals = true, m.labels(), m
		}
		out = append(out, n)
		for _, name := range m.emitted()[1:] {
			more := n
			more.name = name
			switch {
			case name == m.RowsName:
				more.unit, more.optional = name, false
			case name == m.Name+"_cv":
				more.unit = "ratio"
			}
			out = append(out, more)
		}
	}
	return out
}

// labels are the positions of marginals' one-way tables.
func (m *measure) labels() []string {
	var out []string
	for _, a := range m.Attributes {
		for _, v := range a.Values {
			out = append(out, a.Name+": "+v)
		}
	}
	return out
}

// shape says whether a group's numbers are those it has, in order.
func (p *Plan) shape(measures []Measured) bool {
	i := 0
	for _, n := range p.numbers() {
		if i < len(measures) && measures[i].Name == n.name {
			if !n.fits(&measures[i]) {
				return false
			}
			i++
		} else if !n.optional {
			return false
		}
	}
	return i == len(measures)
}

func (n number) fits(m *Measured) bool {
	if m.Unit != n.unit || n.axis != (m.Values != nil) || !finite(m.Value, m.Low, m.High) {
		return false
	}
	if n.axis && (m.Value != 0 || m.Low != 0 || m.High != 0) {
		return false
	}
	if len(m.Values) > len(n.at) || !n.cut && len(m.Values) < len(n.at) {
		return false
	}
	for i, v := range m.Values {
		if v.At != n.at[i] || n.cut != (v.Noise != nil) || !finite(v.Value, v.Low, v.High) {
			return false
		}
		if v.Noise != nil && !finite(v.Noise[0], v.Noise[1]) {
			return false
		}
	}
	if n.marginals == nil {
		return m.Marginals == nil
	}
	return m.Marginals != nil && n.marginals.fitsMarginals(m.Marginals)
}

func finite(all ...float64) bool {
	for _, x := range all {
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return true
}

// fitsMarginals wants every pair once, measured or left, as many measured as a tree
// has, and synthetic rows of declared values.
func (m *measure) fitsMarginals(x *Marginals) bool {
	d := len(m.Attributes)
	if len(x.Pairs) != d-1 || len(x.Left) != len(m.pairs)-(d-1) || len(x.Fit) != d {
		return false
	}
	pairs, left := x.Pairs, x.Left
	for _, t := range m.pairs {
		a, b := m.Attributes[t.a], m.Attributes[t.b]
		named := func(e PairError) bool { return e.A == a.Name && e.B == b.Name && finite(e.Value, e.Low, e.High) }
		switch {
		case len(pairs) > 0 && named(pairs[0].PairError):
			if len(pairs[0].Cells) != t.cells() || !finite(pairs[0].Fit) {
				return false
			}
			for i, c := range pairs[0].Cells {
				if c.A != a.Values[i/t.cols] || c.B != b.Values[i%t.cols] || !finite(c.Value, c.Low, c.High) {
					return false
				}
			}
			pairs = pairs[1:]
		case len(left) > 0 && named(left[0]):
			left = left[1:]
		default:
			return false
		}
	}
	for i, f := range x.Fit {
		if f.Name != m.Attributes[i].Name || !finite(f.Value) {
			return false
		}
	}
	return m.fitsSynthetic(&x.Synthetic)
}

func (m *measure) fitsSynthetic(s *Synthetic) bool {
	if len(s.Columns) != len(m.Attributes) || len(s.Rows) != m.Measure.Synthetic {
		return false
	}
	for i, a := range m.Attributes {
		if s.Columns[i] != a.Name {
			return false
		}
	}
	for _, row := range s.Rows {
		if len(row) != len(m.Attributes) {
			return false
		}
		for i, v := range row {
			if !slices.Contains(m.Attributes[i].Values, v) {
				return false
			}
		}
	}
	return true
}
