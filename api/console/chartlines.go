package console

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// lines draws each group over the positions with its interval as a band: straight from
// point to point, or in the steps of a survival curve. Groups differ in colour, in dash
// and in the name at their right end.
func (v *view) lines(c chart, unit string, all []series, steps bool) *chart {
	var b svg
	if len(all) > mostSeries {
		c.Note = v.say("more groups", v.Count(len(all)-mostSeries))
		all = all[:mostSeries]
	}
	const wideAll, high, top, bottom = 760.0, 380.0, 16.0, 46.0
	left, right := 70.0, wideAll-30
	if len(all) > 1 {
		right = wideAll - 170
	}
	lo, hi := extent(all)
	y, marks := round(lo, hi)
	y.from, y.to = high-bottom, top
	positions := 0
	var labels []string
	for _, s := range all {
		if len(s.Points) > positions {
			positions, labels = len(s.Points), ats(s)
		}
	}
	x := scale{0, float64(max(positions-1, 1)), left, right}
	middle := 0.0
	if steps { // each value holds for the whole of its position
		x.hi, middle = float64(positions), 0.5
	}
	for _, m := range marks {
		b.line(left, y.at(m), right, y.at(m), "grid")
		b.text(left-8, y.at(m)+4, "end", "tick", v.tick(m, y, unit))
	}
	b.line(left, y.at(max(y.lo, 0)), right, y.at(max(y.lo, 0)), "axis")
	every := max(1, (positions+7)/8)
	for i := 0; i < positions; i += every {
		b.line(x.at(float64(i)+middle), high-bottom, x.at(float64(i)+middle), high-bottom+5, "axis")
		b.text(x.at(float64(i)+middle), high-bottom+20, "middle", "tick", clipped(labels[i], 90))
	}
	for i, s := range all {
		band, curve := outline(s, x, y, steps)
		b.path(band, "band c"+strconv.Itoa(i))
		b.path(curve, "curve c"+strconv.Itoa(i))
	}
	v.nameEnds(&b, all, x, y, steps)
	c.Title = v.withUnit(c.Title, unit)
	c.Picture = b.drawn(c.ID, c.Title, v.describe(unit, all), wideAll, high)
	return &c
}

func ats(s series) []string {
	var out []string
	for _, p := range s.Points {
		out = append(out, p.At)
	}
	return out
}

// outline is the band around a curve, and the curve.
func outline(s series, x, y scale, steps bool) (band, curve string) {
	var up, down, middle []string
	mark := func(at float64, p point) {
		if p.NoInterval {
			p.Low, p.High = p.Value, p.Value
		}
		middle = append(middle, spot(x.at(at), y.at(p.Value)))
		up = append(up, spot(x.at(at), y.at(p.High)))
		down = append(down, spot(x.at(at), y.at(p.Low)))
	}
	for i, p := range s.Points {
		mark(float64(i), p)
		if steps {
			mark(float64(i+1), p)
		}
	}
	if len(middle) == 0 {
		return "", ""
	}
	slices.Reverse(down)
	return "M" + strings.Join(append(up, down...), "L") + "Z", "M" + strings.Join(middle, "L")
}

func spot(x, y float64) string { return fmt.Sprintf("%.1f %.1f", x, y) }

// nameEnds writes the names of groups at the ends of their curves, none over another.
func (v *view) nameEnds(b *svg, all []series, x, y scale, steps bool) {
	if len(all) < 2 {
		return
	}
	taken := map[int]bool{}
	for i, s := range all {
		if len(s.Points) == 0 {
			continue
		}
		last := s.Points[len(s.Points)-1]
		slot := int(y.at(last.Value) / 18)
		for taken[slot] {
			slot++
		}
		taken[slot] = true
		at := float64(slot)*18 + 9
		end := x.at(float64(len(s.Points) - 1))
		if steps {
			end = x.at(float64(len(s.Points)))
		}
		b.line(end+2, y.at(last.Value), x.to+14, at, "grid")
		b.line(x.to+14, at, x.to+34, at, "curve c"+strconv.Itoa(i))
		b.text(x.to+40, at+4, "start", "label", clipped(s.Label, 125))
	}
}
