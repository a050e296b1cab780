package queries

import (
	"slices"

	"github.com/qunxiang/qunxiang/dp"
)

// derive adds the template's derived numbers to a released table. It sees
// noisy values only (rule 13) and carries their known noise into intervals:
// Fieller's for quotients (ratio, share, conversion, relative change, loss
// ratio), added variances for sums (funnel, change, totals, flows), a bound for
// what noise can do to a distance. A number
// whose denominator cannot be told from zero is left out.
func (q *Question) derive(t *dp.Table) {
	for _, d := range q.Template.Derived {
		switch d.Kind {
		case "share":
			q.deriveShare(t, d)
			continue
		case "distance":
			deriveDistance(t, d)
			continue
		}
		for i := range t.Groups {
			g := &t.Groups[i]
			g.Measures = append(g.Measures, q.derived(g.Measures, d, q.premium(d, g.Keys))...)
		}
	}
}

// derived is one derived number, or two, of the measures of one group or total.
// premium is what a unit of exposure earns there, for a loss ratio.
func (q *Question) derived(measures []dp.Measured, d Derived, premium float64) []dp.Measured {
	of, by := find(measures, d.Of), find(measures, d.By)
	if of == nil {
		return nil
	}
	var m dp.Measured
	ok := false
	switch d.Kind {
	case "ratio":
		if by != nil {
			m, ok = dp.Ratio(*of, *by, d.Scale)
		}
	case "funnel":
		reached, conversion, ok := dp.Funnel(*of)
		if !ok {
			return nil
		}
		return []dp.Measured{named(reached, d.Name, d.Unit), named(conversion, d.Name+"_conversion", "share")}
	case "forecast":
		return q.deriveForecast(*of, d)
	case "change":
		m, ok = dp.Change(*of, q.position(d), d.Relative)
	case "times":
		factors, err := q.factors(d)
		if err != nil {
			return nil // refused before the charge
		}
		m, ok = dp.Times(*of, factors)
	case "loss_ratio":
		if by != nil && premium > 0 {
			m, ok = dp.LossRatio([]dp.Measured{*of}, []dp.Measured{*by}, []float64{premium})
		}
	}
	if !ok {
		return nil
	}
	return []dp.Measured{named(m, d.Name, d.Unit)}
}

func named(m dp.Measured, name, unit string) dp.Measured {
	m.Name, m.Unit = name, unit
	return m
}

func find(measures []dp.Measured, name string) *dp.Measured {
	i := slices.IndexFunc(measures, func(m dp.Measured) bool { return m.Name == name })
	if i < 0 {
		return nil
	}
	return &measures[i]
}

// premium is the public premium of a group's value of the key of a loss ratio; 0
// for other kinds.
func (q *Question) premium(d Derived, keys []string) float64 {
	if d.Kind != "loss_ratio" {
		return 0
	}
	factors, err := q.factors(d)
	if err != nil {
		return 0
	}
	i := q.key(d.Key)
	at := slices.Index(q.Job.Spec.Keys[i].Values, keys[i])
	if at < 0 {
		return 0
	}
	return factors[at]
}

// agreed names the part of the table that groups with the same values of some
// keys make up.
func (q *Question) agreed(g *dp.Group, within []string) string {
	s := ""
	for i, k := range q.Job.Spec.Keys {
		if slices.Contains(within, k.Name) {
			s += g.Keys[i] + "\x00"
		}
	}
	return s
}

// deriveShare divides each shown group's measure by the sum of the shown
// groups that agree with it on the Within keys.
func (q *Question) deriveShare(t *dp.Table, d Derived) {
	whole := map[string][]dp.Measured{}
	for i := range t.Groups {
		if m := find(t.Groups[i].Measures, d.Of); m != nil {
			part := q.agreed(&t.Groups[i], d.Within)
			whole[part] = append(whole[part], *m)
		}
	}
	for i := range t.Groups {
		g := &t.Groups[i]
		of := find(g.Measures, d.Of)
		if of == nil {
			continue
		}
		if m, ok := dp.Share(*of, whole[q.agreed(g, d.Within)], d.Scale); ok {
			g.Measures = append(g.Measures, named(m, d.Name, d.Unit))
		}
	}
}
