package console

import (
	"maps"
	"math"
	"reflect"
	"slices"

	"github.com/qunxiang/qunxiang/dp/proof"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/certify"
)

// certificateView is what certification found of a question, for whoever is about to ask
// it: how large a group has to be, and how near the numbers come.
type certificateView struct {
	*certify.Certificate
	Variants []variantView
	Alarm    int // a sound template fails once in so many certifications
}

// variantView is one way to group, fine or coarse.
type variantView struct {
	certify.Variant
	Both     bool     // coarser groups gave the same
	Measures []string // the columns of Rows
	Rows     []accuracyRow
}

// accuracyRow is a group of so many people.
type accuracyRow struct {
	People int
	Hidden float64  // the chance that it is not shown
	Widths []string // 95 % half-widths, each with its unit
}

// certificate is what was found of exactly this pair of files; nil where nothing is
// recorded of it.
func (v *view) certificate(t *queries.Template) *certificateView {
	found := v.c.Certificates[t.Digest()]
	if found == nil {
		return nil
	}
	titles := map[string]string{}
	for _, m := range t.Describe().Measures {
		titles[m.Name] = v.In(m.Title)
	}
	out := &certificateView{Certificate: found, Alarm: int(math.Round(1 / proof.FalseAlarm))}
	for _, x := range found.Variants {
		names := slices.Sorted(maps.Keys(x.Units))
		shown := variantView{Variant: x}
		for _, name := range names {
			title := titles[name]
			if title == "" {
				title = v.Name(name)
			}
			shown.Measures = append(shown.Measures, title)
		}
		for _, a := range x.Accuracy {
			row := accuracyRow{People: a.People, Hidden: a.Suppressed}
			for _, name := range names {
				row.Widths = append(row.Widths, v.width(a.HalfWidth[name], x.Units[name]))
			}
			shown.Rows = append(shown.Rows, row)
		}
		if first := out.Variants; len(first) == 1 && alike(first[0].Variant, x) {
			first[0].Both = true
			continue
		}
		out.Variants = append(out.Variants, shown)
	}
	return out
}

// alike says that two variants differ in nothing that is shown of them.
func alike(a, b certify.Variant) bool {
	a.Coarse, a.Groups, a.L0, b.Coarse, b.Groups, b.L0 = false, 0, 0, false, 0, 0
	return reflect.DeepEqual(a, b)
}

// width is a half-width with its unit; what is as wide as all that can be says nothing.
func (w words) width(half float64, unit string) string {
	switch {
	case half >= math.MaxFloat64:
		return w.say("says nothing")
	case unit == "of the rank" || unit == "of the share":
		return w.say("± "+unit, grouped(100*min(1, half), 1))
	}
	s := "± " + w.Number(half, half, unit)
	if u := w.Unit(unit); u != "" {
		s += " " + u
	}
	return s
}
