package console

import (
	"fmt"
	"math"
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
	const wideAll, bottom = 720.0, 46.0
	const right = wideAll - 20
	top := v.legend(&b, all) + 16
	high := top + 330
	lo, hi := extent(all)
	if unit == "share" && least(all) >= 0 && most(all) <= 1 { // no interval of a share is of use outside
		lo, hi = 0, 1
	}
	y, marks := round(lo, hi)
	y.from, y.to = high-bottom, top
	left := 60.0
	for _, m := range marks {
		left = max(left, wide(v.tick(m, y, unit))+16)
	}
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
	c.Title = v.withUnit(c.Title, unit)
	c.Picture = b.drawn(c.ID, c.Title, v.describe(unit, all), wideAll, high)
	return &c
}

// least and most are the ends of the values alone.
func least(all []series) float64 {
	x := math.Inf(1)
	for _, s := range all {
		for _, p := range s.Points {
			x = min(x, p.Value)
		}
	}
	return x
}

func most(all []series) float64 {
	x := math.Inf(-1)
	for _, s := range all {
		for _, p := range s.Points {
			x = max(x, p.Value)
		}
	}
	return x
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
		p.Low, p.High = max(p.Low, y.lo), min(p.High, y.hi)
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

// legend names the groups above the picture, each with a piece of its curve, in lines that
// a narrow window shows, and gives the height that takes.
func (v *view) legend(b *svg, all []series) float64 {
	if len(all) < 2 {
		return 0
	}
	const most, line = 430.0, 22.0
	x, y := 8.0, 12.0
	for i, s := range all {
		words := clipped(s.Label, most-60)
		if x > 8 && x+46+wide(words) > most {
			x, y = 8, y+line
		}
		b.line(x, y, x+28, y, "curve c"+strconv.Itoa(i))
		b.text(x+36, y+4, "start", "label", words)
		x += 60 + wide(words)
	}
	return y + line
}
