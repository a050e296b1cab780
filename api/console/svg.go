package console

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
	"unicode/utf8"
)

// svg writes a picture. Everything that is not a number is escaped; how things look is
// said by classes, because nothing inline may.
type svg struct{ b strings.Builder }

func (s *svg) add(format string, args ...any) { fmt.Fprintf(&s.b, format, args...) }

// text writes words at a place; anchor is start, middle or end.
func (s *svg) text(x, y float64, anchor, class, words string) {
	s.add(`<text x="%.1f" y="%.1f" text-anchor="%s" class="%s">%s</text>`, x, y, anchor, class, html.EscapeString(words))
}

func (s *svg) line(x1, y1, x2, y2 float64, class string) {
	s.add(`<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" class="%s"/>`, x1, y1, x2, y2, class)
}

func (s *svg) rect(x, y, w, h float64, class string) {
	s.add(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="%s"/>`, x, y, math.Max(w, 0), math.Max(h, 0), class)
}

func (s *svg) path(d, class string) { s.add(`<path d="%s" class="%s"/>`, d, class) }

// drawn closes a picture of a size. What it shows is said by its title and description,
// and number by number by the table beside it.
func (s *svg) drawn(id, title, description string, width, height float64) template.HTML {
	return template.HTML(fmt.Sprintf(
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img" aria-labelledby="%s-t %s-d"><title id="%s-t">%s</title><desc id="%s-d">%s</desc>%s</svg>`,
		width, height, width, height, id, id, id, html.EscapeString(title), id, html.EscapeString(description), s.b.String()))
}

// wide is how wide words are about, at 13 units of type: Han characters are twice as
// wide as Latin ones.
func wide(words string) float64 {
	w := 0.0
	for _, r := range words {
		if r > 0x2e80 {
			w += 13.5
		} else {
			w += 7
		}
	}
	return w
}

// clipped shortens words to a width.
func clipped(words string, most float64) string {
	if wide(words) <= most {
		return words
	}
	for wide(words)+10 > most && len(words) > 0 {
		_, n := utf8.DecodeLastRuneInString(words)
		words = words[:len(words)-n]
	}
	return words + "…"
}

// scale maps numbers to a length.
type scale struct{ lo, hi, from, to float64 }

func (s scale) at(x float64) float64 {
	if s.hi == s.lo {
		return s.from
	}
	return s.from + (x-s.lo)/(s.hi-s.lo)*(s.to-s.from)
}

// round widens a range to round numbers and gives about five of them to mark.
func round(lo, hi float64) (scale, []float64) {
	if !(hi > lo) {
		hi = lo + 1
	}
	step := math.Pow(10, math.Floor(math.Log10((hi-lo)/4)))
	for _, f := range []float64{2, 2.5, 2} {
		if (hi-lo)/step > 6 {
			step *= f
		}
	}
	lo, hi = math.Floor(lo/step+1e-9)*step, math.Ceil(hi/step-1e-9)*step
	var marks []float64
	for i := 0; lo+float64(i)*step <= hi+step/2; i++ {
		marks = append(marks, lo+float64(i)*step)
	}
	return scale{lo: lo, hi: hi}, marks
}
