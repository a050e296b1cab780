package console

import (
	"strings"

	"github.com/qunxiang/qunxiang/queries"
)

// measureView is what a question gives, and how much one person can change it.
type measureView struct {
	Title, Unit string
	Bounds      []boundsView
}

// boundsView is how people are bounded for one choice; When is "" where it holds in general.
type boundsView struct {
	When string
	Says []string
}

// measures are what a question gives: what is counted of people first, then what is made
// of that after the noise, which has no bounds of its own.
func (v *view) measures(t *queries.Template) []measureView {
	var out []measureView
	bounded := map[string]queries.Measure{}
	for _, m := range t.Measures {
		bounded[m.Name] = m
	}
	for _, d := range t.Describe().Measures {
		shown := measureView{Title: v.In(d.Title), Unit: v.Unit(d.Unit)}
		if shown.Unit == "" {
			shown.Unit = "%"
		}
		if m, ok := bounded[d.Name]; ok {
			for _, c := range m.Cases() {
				b := boundsView{Says: v.bounds(c)}
				if c.Value != "" {
					b.When = v.say("bounds where", v.Name(m.By.Parameter), v.Value(c.Value))
				}
				shown.Bounds = append(shown.Bounds, b)
			}
		}
		out = append(out, shown)
	}
	return out
}

// bounds say how much one person can change a measure, a limit each.
func (w words) bounds(c queries.Case) []string {
	var s []string
	if len(c.Clamp) == 2 {
		s = append(s, w.say("bounds value", w.ends(c.Clamp, c.Unit)))
	}
	if c.Rows > 0 {
		s = append(s, w.say("bounds rows", w.Count(c.Rows)))
	}
	if len(c.Total) == 2 {
		total := w.say("bounds total")
		if c.Kind == "series" {
			total = w.say("bounds total each")
		}
		if c.Centre != 0 {
			total = w.say("bounds less", total, w.amount(c.Centre, c.Unit))
		}
		s = append(s, w.say("bounds within", total, w.ends(c.Total, c.Unit)))
	}
	if len(c.Attributes) > 0 {
		var names []string
		for _, a := range c.Attributes {
			names = append(names, w.Name(a.Name))
		}
		s = append(s, w.say("bounds cells", strings.Join(names, w.say("comma"))))
	}
	if c.Kind == "spread" {
		s = append(s, w.say("bounds spread", w.Count(c.Total2), w.amount(c.Unit2, c.Unit)))
	}
	if c.MaxPositions > 0 {
		s = append(s, w.say("bounds positions", w.Count(c.MaxPositions)))
	}
	if c.PerYear {
		s = append(s, w.say("bounds year"))
	}
	if len(s) == 0 {
		return []string{w.say("bounds one")}
	}
	return s
}

// ends are the two ends of a range.
func (w words) ends(ends []int64, unit string) string {
	return w.say("from to", w.Number(float64(ends[0]), 0, unit), w.amount(ends[1], unit))
}

// amount is a whole number with its unit.
func (w words) amount(x int64, unit string) string {
	return strings.TrimSpace(w.Number(float64(x), 0, unit) + " " + w.Unit(unit))
}
