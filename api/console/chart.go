package console

import (
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/qunxiang/qunxiang/queries"
)

// chart is a picture of one measure, with the same numbers as a table.
type chart struct {
	ID, Title, Note string
	Picture         template.HTML
	Table           *table
}

// series is what is drawn together: the positions of one group, or one number of each.
type series struct {
	Label  string
	Points []point
}

// point is one value. An interval that is not known, and a value that is not shown, are
// left out of the picture.
type point struct {
	At string
	queries.ReleasedNumber
	Hidden bool
}

// mostSeries is how many groups one picture shows side by side.
const mostSeries = 6

// flowsTab is the name of the picture of flows among the measures.
const flowsTab = "flows"

// charts draws the measure that is asked for, else the one that the template is about.
func (v *view) charts(t *queries.Template, r *queries.Release, wanted string) ([]*chart, []link) {
	names := measured(t, r, func(m queries.ReleasedValue) bool { return isNumber(m) || isAxis(m) })
	if len(r.Flows) > 0 {
		names = append(names, flowsTab)
	}
	if len(names) == 0 {
		return nil, nil
	}
	if !slices.Contains(names, wanted) {
		wanted = headline(t, r, names)
	}
	var tabs []link
	for _, name := range names {
		word := v.titleOf(t, name)
		if name == flowsTab {
			word = v.say("flows")
		}
		tabs = append(tabs, link{"?measure=" + name + "#picture", word, name == wanted})
	}
	if wanted == flowsTab {
		return []*chart{v.sankey(r)}, tabs
	}
	return v.draw(t, r, wanted), tabs
}

// headline is the measure that a template is about: flows, the first derived number,
// else the first of its own.
func headline(t *queries.Template, r *queries.Release, names []string) string {
	if len(r.Flows) > 0 {
		return flowsTab
	}
	if t != nil {
		for _, d := range t.Derived {
			if slices.Contains(names, d.Name) {
				return d.Name
			}
		}
		for _, m := range t.Measures {
			if slices.Contains(names, m.Name) {
				return m.Name
			}
		}
	}
	return names[len(names)-1]
}

// kindOf is the kind of a measure or derived number, "" where the template is gone.
func kindOf(t *queries.Template, name string) (kind string, months bool) {
	if t == nil {
		return "", false
	}
	for _, d := range t.Derived {
		if d.Name == name {
			return d.Kind, false
		}
	}
	for _, m := range t.Measures {
		if m.Name == name {
			return m.Kind, m.Axis != nil && m.Axis.Months != ""
		}
	}
	return "", false
}

// draw chooses the pictures that suit a measure.
func (v *view) draw(t *queries.Template, r *queries.Release, name string) []*chart {
	title, unit := v.titleOf(t, name), unit(r, name)
	all, axis, banded := v.seriesOf(r, name)
	kind, months := kindOf(t, name)
	months = months || inMonths(all)
	base := chart{ID: "picture-" + name, Title: title, Table: v.tableOf(r, title, unit, all, axis)}
	switch {
	case !axis:
		out := []*chart{v.bars(base, unit, all[0])}
		if len(r.Keys) == 2 {
			base.ID += "-map"
			out = append(out, v.heat(base, r, name, unit))
		}
		return out
	case banded || kind == "survival" || months:
		return []*chart{v.lines(base, unit, all, banded || kind == "survival")}
	}
	var out []*chart
	for i, s := range all[:min(len(all), mostSeries)] {
		one := base
		one.ID += "-" + strconv.Itoa(i)
		if len(r.Keys) > 0 {
			one.Title += v.say("colon") + s.Label
		}
		if i > 0 {
			one.Table = nil // the first has all groups
		}
		drawn := v.bars(one, unit, s)
		if kind == "funnel" {
			drawn = v.funnel(one, unit, s)
		}
		out = append(out, drawn)
	}
	if len(all) > mostSeries {
		out[len(out)-1].Note += " " + v.say("more groups", v.Count(len(all)-mostSeries))
	}
	return out
}

// inMonths says whether all positions are months.
func inMonths(all []series) bool {
	for _, s := range all {
		for _, p := range s.Points {
			if len(p.At) != 7 || p.At[4] != '-' || strings.Trim(p.At, "0123456789-") != "" {
				return false
			}
		}
	}
	return len(all) > 0 && len(all[0].Points) > 2
}

// seriesOf collects a measure: one series with a point for each group, or one for each
// group with a point for each position.
func (v *view) seriesOf(r *queries.Release, name string) (all []series, axis, banded bool) {
	one := series{}
	for _, g := range r.Groups {
		label := v.label(r, g.Keys)
		m, shown := g.Measures[name]
		switch {
		case len(m.Values) > 0:
			axis, banded = true, banded || m.Banded()
			s := series{Label: label}
			for _, p := range m.Values {
				s.Points = append(s.Points, point{At: v.choiceLabel("", p.At), ReleasedNumber: p.ReleasedNumber})
			}
			all = append(all, s)
		case shown && m.Number != nil:
			one.Points = append(one.Points, point{At: label, ReleasedNumber: *m.Number})
		default:
			one.Points = append(one.Points, point{At: label, Hidden: true})
		}
	}
	if axis {
		return all, true, banded
	}
	return []series{one}, false, false
}

// tableOf is the numbers of a picture.
func (v *view) tableOf(r *queries.Release, title, unit string, all []series, axis bool) *table {
	out := &table{Caption: title, Columns: []column{v.columnOf(title, unit)}, Keys: []string{v.say("group")}}
	if axis {
		out.Keys = append(out.Keys, v.say("position"))
	}
	for _, s := range all {
		for _, p := range s.Points {
			heads := []string{p.At}
			if axis {
				heads = []string{s.Label, p.At}
			}
			if p.Hidden {
				out.Rows = append(out.Rows, row{Heads: heads, Suppressed: true, Cells: []cell{{}}})
				continue
			}
			out.Rows = append(out.Rows, row{Heads: heads, Cells: []cell{v.cell(p.ReleasedNumber, unit)}})
		}
	}
	return out
}

// extent is the range of what is drawn, intervals and zero included.
func extent(all []series) (lo, hi float64) {
	for _, s := range all {
		for _, p := range s.Points {
			if p.Hidden {
				continue
			}
			lo, hi = math.Min(lo, p.Value), math.Max(hi, p.Value)
			if !p.NoInterval {
				lo, hi = math.Min(lo, p.Low), math.Max(hi, p.High)
			}
		}
	}
	return lo, hi
}

// describe says a picture in a sentence: how many values, the least and the greatest.
func (v *view) describe(unit string, all []series) string {
	var least, most *point
	shown, hidden := 0, 0
	label := map[*point]string{}
	for i := range all {
		for j := range all[i].Points {
			p := &all[i].Points[j]
			if p.Hidden {
				hidden++
				continue
			}
			shown++
			label[p] = strings.TrimPrefix(all[i].Label+" · "+p.At, " · ")
			if least == nil || p.Value < least.Value {
				least = p
			}
			if most == nil || p.Value > most.Value {
				most = p
			}
		}
	}
	if shown == 0 {
		return v.say("picture empty", v.Count(hidden))
	}
	said := func(p *point) string {
		c := v.cell(p.ReleasedNumber, unit)
		return v.say("value of", label[p], strings.TrimSpace(c.Value+" "+v.Unit(unit)), c.Interval)
	}
	return v.say("picture of", v.Count(shown), said(least), said(most), v.Count(hidden))
}
