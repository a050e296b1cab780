package console

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/qunxiang/qunxiang/queries"
)

// table is numbers in rows, as a page shows them.
type table struct {
	Caption string
	Keys    []string
	Columns []column
	Rows    []row
	Totals  []row
}

// column is one measure.
type column struct{ Name, Unit string }

// Same says that the unit would only say the name again.
func (c column) Same() bool { return strings.EqualFold(c.Name, c.Unit) }

// columnOf is a measure's column. That people are people goes without saying.
func (v *view) columnOf(title, unit string) column {
	if unit == "people" {
		return column{title, ""}
	}
	return column{title, v.Unit(unit)}
}

// row is one group, or one position of a group.
type row struct {
	Heads      []string
	Cells      []cell
	Suppressed bool
}

// cell is a value and the ends of its interval, both empty where there is none.
type cell struct{ Value, Interval string }

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// list puts a value that may be several by comma into words.
func (v *view) list(name, value string) string {
	var out []string
	for part := range strings.SplitSeq(value, ",") {
		out = append(out, v.choiceLabel(name, part))
	}
	return strings.Join(out, v.say("comma"))
}

// measured are the names of a release's measures: people first, then what the template
// declares in its order, then what else there is.
func measured(t *queries.Template, r *queries.Release, wanted func(queries.ReleasedValue) bool) []string {
	place := map[string]int{"people": 0}
	if t != nil {
		for i, m := range t.Measures {
			place[m.Name] = 100 + i
		}
		for i, d := range t.Derived {
			place[d.Name] = 1 + i
		}
	}
	found := map[string]bool{}
	for _, g := range r.Groups {
		for name, m := range g.Measures {
			if wanted(m) {
				found[name] = true
			}
		}
	}
	names := sorted(found)
	slices.SortStableFunc(names, func(a, b string) int {
		x, ok := place[a]
		if !ok {
			x = 1000
		}
		y, ok := place[b]
		if !ok {
			y = 1000
		}
		return cmp.Compare(x, y)
	})
	return names
}

func isNumber(m queries.ReleasedValue) bool { return m.Number != nil }
func isAxis(m queries.ReleasedValue) bool   { return len(m.Values) > 0 }

// titleOf is what a measure is called.
func (v *view) titleOf(t *queries.Template, name string) string {
	if t != nil {
		for _, m := range t.Measures {
			if m.Name == name {
				return v.In(m.Title)
			}
		}
		for _, d := range t.Derived {
			if d.Name == name {
				return v.In(d.Title)
			}
		}
	}
	return v.Name(name)
}

// unit is the unit of a measure wherever it is shown.
func unit(r *queries.Release, name string) string {
	for _, g := range r.Groups {
		if m, ok := g.Measures[name]; ok {
			return m.Unit
		}
	}
	return ""
}

// table has one row for each group: its numbers without an axis. It is nil where there
// are none.
func (v *view) table(t *queries.Template, r *queries.Release) *table {
	names := measured(t, r, isNumber)
	if len(names) == 0 && !slices.ContainsFunc(r.Groups, func(g queries.ReleasedGroup) bool { return g.Suppressed }) {
		return nil
	}
	out := &table{Caption: v.say("table of groups")}
	for _, k := range r.Keys {
		out.Keys = append(out.Keys, v.Name(k))
	}
	if len(r.Keys) == 0 {
		out.Keys = []string{v.say("group")}
	}
	for _, name := range names {
		out.Columns = append(out.Columns, v.columnOf(v.titleOf(t, name), unit(r, name)))
	}
	for _, g := range r.Groups {
		out.Rows = append(out.Rows, v.row(r, g.Keys, g.Measures, names, g.Suppressed))
	}
	for _, total := range r.Totals {
		out.Totals = append(out.Totals, v.row(r, total.Keys, total.Measures, names, false))
	}
	return out
}

func (v *view) row(r *queries.Release, keys map[string]string, measures map[string]queries.ReleasedValue, names []string, suppressed bool) row {
	out := row{Suppressed: suppressed}
	for _, k := range r.Keys {
		value, ok := keys[k]
		if !ok {
			value = v.say("all")
		} else {
			value = v.choiceLabel(k, value)
		}
		out.Heads = append(out.Heads, value)
	}
	if len(r.Keys) == 0 {
		out.Heads = []string{v.say("all people")}
	}
	for _, name := range names {
		m, ok := measures[name]
		if !ok || m.Number == nil {
			out.Cells = append(out.Cells, cell{})
			continue
		}
		out.Cells = append(out.Cells, v.cell(*m.Number, m.Unit))
	}
	return out
}

func (v *view) cell(n queries.ReleasedNumber, unit string) cell {
	half := 0.0
	if !n.NoInterval {
		half = (n.High - n.Low) / 2
	}
	return cell{v.Number(n.Value, half, unit), v.Interval(n, unit)}
}

// label names a group by its keys.
func (v *view) label(r *queries.Release, keys map[string]string) string {
	var parts []string
	for _, k := range r.Keys {
		parts = append(parts, v.choiceLabel(k, keys[k]))
	}
	if len(parts) == 0 {
		return v.say("all people")
	}
	return strings.Join(parts, " · ")
}
