package console

import (
	"math"

	"github.com/qunxiang/qunxiang/queries"
)

// Sizes of bars, in units of the picture.
const (
	barsWide  = 720.0
	barHigh   = 30.0
	barsAbove = 30.0
	mostBars  = 60
)

// bars draws a bar for each point with its interval as an error bar, and the value beside
// it. What is suppressed is a hatched field that says so.
func (v *view) bars(c chart, unit string, s series) *chart {
	var b svg
	points := s.Points
	if len(points) > mostBars {
		points = points[:mostBars]
		c.Note = v.say("more rows", v.Count(len(s.Points)-mostBars))
	}
	left := 60.0
	for _, p := range points {
		left = math.Max(left, wide(p.At)+16)
	}
	left = math.Min(left, 240)
	right := barsWide - 190
	lo, hi := extent([]series{{Points: points}})
	x, marks := round(lo, hi)
	x.from, x.to = left, right
	height := barsAbove + barHigh*float64(len(points)) + 8
	for i, m := range marks {
		b.line(x.at(m), barsAbove-6, x.at(m), height-8, "grid")
		if i%2 == 0 || len(marks) < 5 {
			b.text(x.at(m), barsAbove-12, "middle", "tick", v.tick(m, x, unit))
		}
	}
	for i, p := range points {
		y := barsAbove + barHigh*float64(i)
		middle := y + barHigh/2
		b.text(left-8, middle+4, "end", "label", clipped(p.At, left-12))
		if p.Hidden {
			b.rect(left, y+7, right-left, barHigh-14, "hidden")
			b.text(left+8, middle+4, "start", "quiet", v.say("suppressed"))
			continue
		}
		from, to := x.at(math.Min(0, p.Value)), x.at(math.Max(0, p.Value))
		b.rect(from, y+6, to-from, barHigh-12, "bar")
		said := v.cell(p.ReleasedNumber, unit)
		if !p.NoInterval {
			b.line(x.at(p.Low), middle, x.at(p.High), middle, "error")
			b.line(x.at(p.Low), middle-5, x.at(p.Low), middle+5, "error")
			b.line(x.at(p.High), middle-5, x.at(p.High), middle+5, "error")
		}
		b.text(barsWide-182, middle+4, "start", "figure", said.Value)
		if !p.NoInterval {
			b.text(barsWide-4, middle+4, "end", "quiet", v.spread(p.ReleasedNumber, unit))
		}
	}
	b.line(x.at(0), barsAbove-6, x.at(0), height-8, "axis")
	c.Picture = b.drawn(c.ID, v.withUnit(c.Title, unit), v.describe(unit, []series{s}), barsWide, height)
	c.Title = v.withUnit(c.Title, unit)
	return &c
}

// spread is an interval as it stands beside a bar: the wider side, or both ends where the
// sides differ by more than a tenth.
func (v *view) spread(n queries.ReleasedNumber, unit string) string {
	below, above := n.Value-n.Low, n.High-n.Value
	wide := max(below, above)
	if min(below, above) < 0.9*wide {
		return v.Interval(n, unit)
	}
	return "± " + v.Number(wide, wide, unit)
}

// tick is a mark of an axis, with as many digits as the marks need; of large numbers in
// millions, or in ten thousands as Chinese counts.
func (v *view) tick(m float64, s scale, unit string) string {
	factor, shown := unitOf(unit)
	top := max(-s.lo, s.hi) * factor
	if shown == "%" || top < 1e6 {
		return v.Number(m, (s.hi-s.lo)/10, unit)
	}
	each := 1e6
	if v.lang == "zh" {
		each = 1e4
	}
	n := min(2, decimals((s.hi-s.lo)*factor/each/10))
	return v.say("large number", grouped(m*factor/each, n))
}

// withUnit puts a unit behind a title.
func (v *view) withUnit(title, unit string) string {
	if u := v.Unit(unit); u != "" {
		return v.say("in unit", title, u)
	}
	return title
}

// funnel draws how many are left at each step, from the widest to the narrowest, with
// error bars at the right ends.
func (v *view) funnel(c chart, unit string, s series) *chart {
	var b svg
	const left, right, high = 200.0, 530.0, 44.0
	_, most := extent([]series{s})
	middle := (left + right) / 2
	width := func(x float64) float64 {
		if most <= 0 {
			return 0
		}
		return math.Max(0, x) / most * (right - left)
	}
	for i, p := range s.Points {
		y := 8 + high*float64(i)
		w := width(p.Value)
		b.text(left-12, y+high/2+2, "end", "label", clipped(p.At, left-16))
		b.rect(middle-w/2, y, w, high-10, "bar")
		if !p.NoInterval {
			for _, side := range []float64{-1, 1} {
				low, up := middle+side*width(p.Low)/2, middle+side*width(p.High)/2
				b.line(low, y+(high-10)/2, up, y+(high-10)/2, "error")
				b.line(low, y+(high-10)/2-5, low, y+(high-10)/2+5, "error")
				b.line(up, y+(high-10)/2-5, up, y+(high-10)/2+5, "error")
			}
		}
		half := (p.High - p.Low) / 2
		b.text(barsWide-182, y+high/2+2, "start", "figure", v.Number(p.Value, half, unit))
		if !p.NoInterval {
			b.text(barsWide-4, y+high/2+2, "end", "quiet", v.spread(p.ReleasedNumber, unit))
		}
	}
	c.Title = v.withUnit(c.Title, unit)
	c.Picture = b.drawn(c.ID, c.Title, v.describe(unit, []series{s}), barsWide, 8+high*float64(len(s.Points)))
	return &c
}
