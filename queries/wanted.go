package queries

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/qunxiang/qunxiang/dp"
)

// wanted turns wishes about derived numbers into wishes about what they are made
// of, at the least total cost: a ratio is split over its two measures by [dp.Want];
// a funnel's first step is a sum over all positions, a change a difference of two
// means, and each is made of one draw. Other names stay as they are.
func (q *Question) wanted(w dp.Want) dp.Want {
	out := dp.Want{Rho: w.Rho}
	for _, e := range q.inFen(w.Errors) {
		d := q.derivedNamed(e.Measure)
		n, at := float64(0), e.At
		if d != nil {
			n = float64(len(q.axisOf(d.Of)))
			if at == 0 {
				of, _, _ := q.quotient(d)
				at = q.typicalGroup(d.Of, of, d.By)
			}
		}
		of, scale, quotient := q.quotient(d)
		switch {
		case quotient:
			out.Ratios = append(out.Ratios, dp.RatioError{Of: of, By: d.By, Scale: scale, Abs: e.Abs, Rel: e.Rel, At: at})
		case d != nil && d.Kind == "funnel" && n > 0:
			// Relative to the people of the group, who all reach the first step.
			out.Errors = append(out.Errors, dp.Error{Measure: d.Of, Abs: (e.Abs + e.Rel*float64(e.At)) / math.Sqrt(n), At: e.At})
		case d != nil && d.Kind == "change" && !d.Relative && e.Rel == 0 && n > 1:
			before := float64(q.position(*d))
			out.Errors = append(out.Errors, dp.Error{Measure: d.Of, Abs: e.Abs / math.Sqrt(1/before+1/(n-before)), At: e.At})
		case d != nil && d.Kind == "change" && d.Relative && e.Rel == 0 && n > 1:
			// Where little changes, the ratio of two means is as their relative errors.
			before := float64(q.position(*d))
			out.Errors = append(out.Errors, dp.Error{Measure: d.Of, Rel: e.Abs / math.Sqrt(1/before+1/(n-before)), At: at})
		default:
			out.Errors = append(out.Errors, e)
		}
	}
	return out
}

// quotient says whether a derived number is one measure over another, of which,
// and by what it is scaled: a loss ratio as where the premium is lowest, what is
// multiplied at each position as where that is most, for there the interval is
// widest.
func (q *Question) quotient(d *Derived) (of string, scale float64, ok bool) {
	switch {
	case d == nil:
		return "", 0, false
	case d.Kind == "ratio":
		scale = max(d.Scale, 0)
		if scale == 0 {
			scale = 1
		}
		if t := q.derivedNamed(d.Of); t != nil {
			factors, err := q.factors(*t)
			if t.Kind != "times" || err != nil || len(factors) == 0 {
				return "", 0, false
			}
			return t.Of, scale * slices.Max(factors), true
		}
		return d.Of, scale, true
	case d.Kind == "loss_ratio":
		premiums, err := q.factors(*d)
		if err != nil || len(premiums) == 0 {
			return "", 0, false
		}
		return d.Of, 1 / slices.Min(premiums), true
	}
	return "", 0, false
}

// inFen turns absolute errors of money, which people state in yuan, into the fen
// of the measures; the errors of quantiles are of ranks. One without a name becomes one for each money measure that no
// other names, and stays what it is for the rest.
func (q *Question) inFen(errs []dp.Error) []dp.Error {
	const fen = "fen"
	named := map[string]bool{}
	for _, e := range errs {
		named[e.Measure] = true
	}
	var out []dp.Error
	for _, e := range errs {
		if e.Measure == "" && e.Abs > 0 {
			for _, m := range q.Template.Measures {
				if m.Unit == fen && m.Kind != "quantiles" && !named[m.Name] {
					out = append(out, dp.Error{Measure: m.Name, Abs: 100 * e.Abs, At: e.At})
				}
			}
		}
		m, d := q.Template.measure(strings.TrimSuffix(e.Measure, "_sd")), q.derivedNamed(e.Measure)
		if m != nil && m.Unit == fen && m.Kind != "quantiles" || d != nil && d.Unit == fen {
			e.Abs *= 100
		}
		out = append(out, e)
	}
	return out
}

// explain says of an accuracy that cannot be had what could.
func (q *Question) explain(err error, req Request, limit dp.Cost) error {
	switch {
	case errors.Is(err, dp.ErrTooPrecise) && req.Cost > limit.RhoFloat():
		return fmt.Errorf("%w: a cost of %g is above the cap of rho %.4g", ErrAccuracy, req.Cost, limit.RhoFloat())
	case errors.Is(err, dp.ErrUnknownMeasure):
		names := []string{"people"}
		for _, m := range q.Template.Measures {
			if m.Name != "people" {
				names = append(names, m.Name)
			}
		}
		for _, d := range q.Template.Derived {
			if _, _, ok := q.quotient(&d); ok || d.Kind == "funnel" || d.Kind == "change" {
				names = append(names, d.Name)
			}
		}
		return fmt.Errorf("%w: %w; there are %s", ErrAccuracy, err, strings.Join(names, ", "))
	}
	return fmt.Errorf("%w: %w", ErrAccuracy, err)
}

func (q *Question) derivedNamed(name string) *Derived {
	for i := range q.Template.Derived {
		if q.Template.Derived[i].Name == name {
			return &q.Template.Derived[i]
		}
	}
	return nil
}

// typicalGroup is the largest reference size of some measures.
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
		if h, err := p.plan.HalfWidth(m.Name+"_band", m.People); err == nil {
			title := Text{m.Title.EN + ", with the error of the sample", m.Title.ZH + "：含抽样误差"}
			out = append(out, Expected{Name: m.Name + "_band", Title: title, Unit: m.Unit, HalfWidth: round(h), At: m.People})
		}
		if h, err := p.plan.HalfWidth(m.Name+"_half", m.People); err == nil && m.Reference != 0 {
			title := Text{m.Title.EN + ", where it is half of what is usual", m.Title.ZH + "：均值为常值一半时"}
			out = append(out, Expected{Name: m.Name + "_half", Title: title, Unit: m.Unit, HalfWidth: round(h), At: m.People, Reference: m.Reference / 2})
		}
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
		of, scale, ok := p.quotient(&d)
		at := p.typicalGroup(of, d.By)
		if !ok || at == 0 {
			continue
		}
		h, err := p.plan.RatioHalfWidth(of, d.By, scale, at)
		if err != nil || math.IsInf(h, 0) {
			continue
		}
		out = append(out, Expected{Name: d.Name, Title: d.Title, Unit: d.Unit, HalfWidth: round(h), At: at})
	}
	return out
}
