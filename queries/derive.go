package queries

import (
	"slices"

	"github.com/qunxiang/qunxiang/dp"
)

// derive adds the template's derived numbers to a released table. It sees
// noisy values only (rule 13) and carries their known noise into intervals. A
// number whose denominator cannot be told from zero is left out.
func (q *Question) derive(t *dp.Table) {
	for _, d := range q.Template.Derived {
		switch d.Kind {
		case "ratio":
			for i := range t.Groups {
				deriveRatio(&t.Groups[i], d)
			}
		case "share":
			q.deriveShare(t, d)
		}
	}
}

func find(g *dp.Group, name string) *dp.Measured {
	i := slices.IndexFunc(g.Measures, func(m dp.Measured) bool { return m.Name == name })
	if i < 0 {
		return nil
	}
	return &g.Measures[i]
}

func deriveRatio(g *dp.Group, d Derived) {
	of, by := find(g, d.Of), find(g, d.By)
	if of == nil || by == nil {
		return
	}
	if m, ok := dp.Ratio(*of, *by, d.Scale); ok {
		m.Name, m.Unit = d.Name, d.Unit
		g.Measures = append(g.Measures, m)
	}
}

// deriveShare divides each shown group's measure by the sum of the shown
// groups that agree with it on the Within keys.
func (q *Question) deriveShare(t *dp.Table, d Derived) {
	whole := map[string][]dp.Measured{}
	part := func(g *dp.Group) string {
		s := ""
		for i, k := range q.Job.Spec.Keys {
			if slices.Contains(d.Within, k.Name) {
				s += g.Keys[i] + "\x00"
			}
		}
		return s
	}
	for i := range t.Groups {
		if m := find(&t.Groups[i], d.Of); m != nil {
			whole[part(&t.Groups[i])] = append(whole[part(&t.Groups[i])], *m)
		}
	}
	for i := range t.Groups {
		g := &t.Groups[i]
		of := find(g, d.Of)
		if of == nil {
			continue
		}
		if m, ok := dp.Share(*of, whole[part(g)], d.Scale); ok {
			m.Name, m.Unit = d.Name, d.Unit
			g.Measures = append(g.Measures, m)
		}
	}
}
