package queries

import (
	"math"

	"github.com/qunxiang/qunxiang/dp"
)

// wanted turns wishes about derived numbers into wishes about what they are made
// of, at the least total cost: a ratio is split over its two measures by [dp.Want];
// a funnel's first step is a sum over all positions, a change a difference of two
// means, and each is made of one draw. Other names stay as they are.
func (q *Question) wanted(w dp.Want) dp.Want {
	out := dp.Want{Rho: w.Rho}
	for _, e := range w.Errors {
		d := q.derivedNamed(e.Measure)
		n := float64(0)
		if d != nil {
			n = float64(len(q.axisOf(d.Of)))
		}
		switch {
		case d != nil && d.Kind == "ratio":
			at := e.At
			if at == 0 {
				at = q.typicalGroup(d.Of, d.By)
			}
			out.Ratios = append(out.Ratios, dp.RatioError{Of: d.Of, By: d.By, Scale: d.Scale, Abs: e.Abs, Rel: e.Rel, At: at})
		case d != nil && d.Kind == "funnel" && n > 0:
			// Relative to the people of the group, who all reach the first step.
			out.Errors = append(out.Errors, dp.Error{Measure: d.Of, Abs: (e.Abs + e.Rel*float64(e.At)) / math.Sqrt(n), At: e.At})
		case d != nil && d.Kind == "change" && !d.Relative && e.Rel == 0 && n > 1:
			before := float64(q.position(*d))
			out.Errors = append(out.Errors, dp.Error{Measure: d.Of, Abs: e.Abs / math.Sqrt(1/before+1/(n-before)), At: e.At})
		default:
			out.Errors = append(out.Errors, e)
		}
	}
	return out
}

func (q *Question) derivedNamed(name string) *Derived {
	for i := range q.Template.Derived {
		if q.Template.Derived[i].Name == name {
			return &q.Template.Derived[i]
		}
	}
	return nil
}

// typicalGroup is the larger reference size of two measures.
func (q *Question) typicalGroup(names ...string) int {
	most := 0
	for _, name := range names {
		if m := q.Template.measure(name); m != nil {
			most = max(most, m.People)
		}
	}
	return most
}

// expectedDerived predicts the error of ratios at the larger reference size of
// their two measures, and of a spread's further numbers. Ratios of what has no
// prediction (means), or whose denominator could be zero, are left out.
func (p *priced) expectedDerived() []Expected {
	var out []Expected
	for _, m := range p.Template.Measures {
		if m.Kind != "spread" {
			continue
		}
		for _, more := range []struct{ name, unit, en, zh string }{
			{"_sd", m.Unit, ", standard deviation", "：标准差"}, {"_cv", "ratio", ", coefficient of variation", "：变异系数"},
		} {
			if h, err := p.plan.HalfWidth(m.Name+more.name, m.People); err == nil {
				title := Text{m.Title.EN + more.en, m.Title.ZH + more.zh}
				out = append(out, Expected{Name: m.Name + more.name, Title: title, Unit: more.unit, HalfWidth: round(h), At: m.People})
			}
		}
	}
	for _, d := range p.Template.Derived {
		at := p.typicalGroup(d.Of, d.By)
		if d.Kind != "ratio" || at == 0 {
			continue
		}
		h, err := p.plan.RatioHalfWidth(d.Of, d.By, d.Scale, at)
		if err != nil || math.IsInf(h, 0) {
			continue
		}
		out = append(out, Expected{Name: d.Name, Title: d.Title, Unit: d.Unit, HalfWidth: round(h), At: at})
	}
	return out
}
