package console

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/qunxiang/qunxiang/queries"
)

// heat draws a table of two keys as a map: the darker, the greater. Each field has its
// number in it, and what is suppressed is hatched. The first key goes down, as in the table;
// a map that is wider than the page is scrolled.
func (v *view) heat(c chart, r *queries.Release, name, unit string) *chart {
	var b svg
	var rows, columns []string
	at := map[[2]string]queries.ReleasedGroup{}
	for _, g := range r.Groups {
		k := [2]string{g.Keys[r.Keys[0]], g.Keys[r.Keys[1]]}
		if !slices.Contains(rows, k[0]) {
			rows = append(rows, k[0])
		}
		if !slices.Contains(columns, k[1]) {
			columns = append(columns, k[1])
		}
		at[k] = g
	}
	down, across := r.Keys[0], r.Keys[1] // as in the table: its first key's values below one another
	all, _, _ := v.seriesOf(r, name)
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, p := range all[0].Points {
		if !p.Hidden {
			lo, hi = math.Min(lo, p.Value), math.Max(hi, p.Value)
		}
	}
	const left, top, high = 150.0, 34.0, 40.0
	each := math.Min(130, math.Max(64, (barsWide-left)/float64(max(1, len(columns)))))
	for j, column := range columns {
		b.text(left+each*(float64(j)+0.5), top-12, "middle", "label", clipped(v.choiceLabel(across, column), each-6))
	}
	for i, line := range rows {
		y := top + high*float64(i)
		b.text(left-10, y+high/2+4, "end", "label", clipped(v.choiceLabel(down, line), left-14))
		for j, column := range columns {
			x := left + each*float64(j)
			g, ok := at[[2]string{line, column}]
			m := g.Measures[name]
			if !ok || m.Number == nil {
				b.rect(x+1, y+1, each-2, high-2, "hidden")
				b.text(x+each/2, y+high/2+4, "middle", "quiet", v.say("hidden mark"))
				continue
			}
			shade := 0
			if hi > lo {
				shade = int(math.Round((m.Number.Value - lo) / (hi - lo) * 5))
			}
			b.rect(x+1, y+1, each-2, high-2, "heat h"+strconv.Itoa(shade))
			b.text(x+each/2, y+high/2+4, "middle", "heat-figure f"+strconv.Itoa(shade), v.cell(*m.Number, unit).Value)
		}
	}
	c.Title = v.say("map of", v.withUnit(c.Title, unit))
	c.Table = nil
	c.Picture = b.drawn(c.ID, c.Title, v.describe(unit, all), math.Max(320, left+each*float64(len(columns))+4), top+high*float64(len(rows))+4)
	return &c
}

// sankey draws how many people go from one stage to the next: the wider, the more.
func (v *view) sankey(r *queries.Release) *chart {
	type node struct{ in, out, y, high, used, left float64 }
	nodes := map[int]map[string]*node{}
	var order [][]string
	get := func(step int, name string) *node {
		for len(order) <= step {
			order = append(order, nil)
		}
		if nodes[step] == nil {
			nodes[step] = map[string]*node{}
		}
		if nodes[step][name] == nil {
			nodes[step][name] = &node{}
			order[step] = append(order[step], name)
		}
		return nodes[step][name]
	}
	for _, f := range r.Flows {
		people := math.Max(0, f.People.Value)
		get(f.Step, f.To).in += people
		if f.Step > 0 {
			get(f.Step-1, f.From).out += people
		}
	}
	most, gap := 0.0, 14.0
	lines := 1
	for _, step := range nodes {
		sum := 0.0
		for _, n := range step {
			sum += math.Max(n.in, n.out)
		}
		most, lines = math.Max(most, sum), max(lines, len(step))
	}
	const wideAll, top, body = 760.0, 30.0, 320.0
	unit := body / math.Max(most, 1)
	var b svg
	column := (wideAll - 20) / float64(max(1, len(order)-1))
	for i, names := range order {
		y := top
		for _, name := range names {
			n := nodes[i][name]
			n.y, n.high = y, math.Max(2, math.Max(n.in, n.out)*unit)
			y += n.high + gap
		}
		at, anchor := column*float64(i)+4, "start"
		if i > 0 && i == len(order)-1 {
			at, anchor = at+12, "end"
		}
		b.text(at, 16, anchor, "quiet", v.say("step", v.Count(i+1)))
	}
	for _, f := range r.Flows {
		if f.Step == 0 {
			continue
		}
		from, to := nodes[f.Step-1][f.From], nodes[f.Step][f.To]
		w := math.Max(1, math.Max(0, f.People.Value)*unit)
		x1, x2 := column*float64(f.Step-1)+16, column*float64(f.Step)+4
		y1, y2 := from.y+from.used+w/2, to.y+to.left+w/2
		from.used, to.left = from.used+w, to.left+w
		b.add(`<path d="M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f" stroke-width="%.1f" class="flow"/>`, x1, y1, (x1+x2)/2, y1, (x1+x2)/2, y2, x2, y2, w)
	}
	for i, names := range order {
		for _, name := range names {
			n := nodes[i][name]
			b.rect(column*float64(i)+4, n.y, 12, n.high, "bar")
			said := fmt.Sprintf("%s %s", v.choiceLabel("", name), v.Count(math.Max(n.in, n.out)))
			x, anchor := column*float64(i)+22, "start"
			if i > 0 && i == len(order)-1 { // words that would leave the picture stand before it
				x, anchor = column*float64(i)-4, "end"
			}
			b.text(x, n.y+n.high/2+4, anchor, "label halo", clipped(said, math.Max(150, column/2)))
		}
	}
	out := &chart{ID: "picture-flows", Title: v.say("flows"), Note: v.say("flows note"), Table: v.flowTable(r)}
	out.Picture = b.drawn(out.ID, out.Title, v.say("flows note"), wideAll, top+body+gap*float64(lines)+10)
	return out
}

func (v *view) flowTable(r *queries.Release) *table {
	out := &table{Caption: v.say("flows"), Keys: []string{v.say("step head"), v.say("from"), v.say("to")}, Columns: []column{{v.say("name people"), ""}}}
	for _, f := range r.Flows {
		from := v.say("start")
		if f.From != "" {
			from = v.choiceLabel("", f.From)
		}
		out.Rows = append(out.Rows, row{
			Heads: []string{strconv.Itoa(f.Step + 1), from, v.choiceLabel("", f.To)}, Cells: []cell{v.cell(f.People, "people")},
		})
	}
	return out
}
