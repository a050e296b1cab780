package queries

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// checkKind refuses what belongs to another kind of measure, and names that its
// further numbers would take twice.
func (t *Template) checkKind(m Measure, seen map[string]bool) error {
	var more []string
	switch {
	case m.Kind == "spread":
		more = []string{m.Name + "_sd", m.Name + "_cv"}
	case m.Competing:
		more = []string{m.Name + "_incidence"}
	}
	for _, name := range more {
		if seen[name] {
			return invalid("measure %s: %s is there twice", m.Name, name)
		}
		seen[name] = true
	}
	switch {
	case m.Competing && m.Kind != "survival":
		return invalid("measure %s: competing belongs to survival", m.Name)
	case m.Kind != "spread" && (m.Unit2 != 0 || m.Total2 != 0 || m.ReferenceSD != 0):
		return invalid("measure %s: unit2, total2 and reference_sd belong to a spread", m.Name)
	case m.Kind != "series" && (m.TotalAt != nil || m.TotalAtParam != ""):
		return invalid("measure %s: total_at belongs to a series", m.Name)
	case m.TotalAtParam != "" && (m.TotalAt != nil || !t.listed(m.TotalAtParam)):
		return invalid("measure %s: total_at_parameter names amounts or layers, in place of total_at", m.Name)
	}
	return t.checkMarginals(m)
}

// scalarKinds and positionKinds have the normal noise of one draw in each number,
// so that numbers of several groups add up.
var (
	scalarKinds   = map[string]bool{"people": true, "rows": true, "sum": true}
	positionKinds = map[string]bool{"histogram": true, "series": true, "vector": true, "times": true}
)

// numbers lists the kind of every number that a derived one may use: measures,
// people, and derived numbers declared before.
func (t *Template) numbers() map[string]string {
	out := map[string]string{"people": "people"}
	for _, m := range t.Measures {
		out[m.Name] = m.Kind
		if m.RowsName != "" {
			out[m.RowsName] = "rows"
		}
		if m.Kind == "spread" {
			out[m.Name+"_sd"], out[m.Name+"_cv"] = "derived", "derived"
		}
		if m.Competing {
			out[m.Name+"_incidence"] = "derived"
		}
	}
	return out
}

func (t *Template) checkDerived() error {
	kinds := t.numbers()
	for _, d := range t.Derived {
		if _, taken := kinds[d.Name]; taken || !namePattern.MatchString(d.Name) {
			return invalid("derived %q: bad or repeated name", d.Name)
		}
		if d.Unit == "" && d.Kind != "totals" && d.Kind != "flows" {
			return invalid("derived %s: no unit", d.Name)
		}
		if err := t.checkOneDerived(d, kinds); err != nil {
			return err
		}
		kinds[d.Name] = "derived"
		if d.Kind == "times" {
			kinds[d.Name] = d.Kind
		}
		if d.Kind == "forecast" {
			kinds[d.Name+"_error"] = "derived"
		}
		if d.Kind == "funnel" {
			if _, taken := kinds[d.Name+"_conversion"]; taken {
				return invalid("derived %s: %s_conversion is there twice", d.Name, d.Name)
			}
			kinds[d.Name+"_conversion"] = "derived"
		}
	}
	return nil
}

func (t *Template) checkOneDerived(d Derived, kinds map[string]string) error {
	of, by := kinds[d.Of], kinds[d.By]
	number := func(kind string) bool { return scalarKinds[kind] || kind == "mean" || kind == "spread" }
	switch d.Kind {
	case "ratio":
		if !number(of) && !positionKinds[of] || !number(by) && !(positionKinds[of] && positionKinds[by]) {
			return invalid("derived %s: of and by name measures, by with an axis only where of has one, neither of them quantiles or survival", d.Name)
		}
	case "share":
		if !number(of) {
			return invalid("derived %s: of names a measure without an axis", d.Name)
		}
	case "funnel":
		if m := t.measure(d.Of); m == nil || m.Kind != "histogram" || m.Rows != 1 || m.PerYear {
			return invalid("derived %s: of names a histogram of one row per person, the furthest step", d.Name)
		}
	case "change", "times":
		if !positionKinds[of] {
			return invalid("derived %s: of names a histogram, series or vector", d.Name)
		}
	case "distance":
		if m := t.measure(d.Of); m == nil || m.Kind != "series" && m.Kind != "histogram" || len(t.Keys) == 0 {
			return invalid("derived %s: of names a histogram or series, and there are keys to compare groups by", d.Name)
		}
	case "forecast":
		if m := t.measure(d.Of); m == nil || m.Kind != "series" || m.Axis.Months+m.Axis.Quarters == "" {
			return invalid("derived %s: of names a series over months or quarters", d.Name)
		}
	case "loss_ratio":
		if !scalarKinds[of] || !scalarKinds[by] {
			return invalid("derived %s: of and by name sums, rows or people", d.Name)
		}
	case "totals", "flows":
		if d.Of != "" || d.By != "" {
			return invalid("derived %s: %s take no measure", d.Name, d.Kind)
		}
	default:
		return invalid("derived %s: kind is ratio, share, funnel, change, forecast, loss_ratio, times, distance, totals or flows", d.Name)
	}
	return t.checkDerivedUse(d)
}

// checkDerivedUse refuses settings that are missing, or that another kind uses.
func (t *Template) checkDerivedUse(d Derived) error {
	key := func(name string) bool { return slices.ContainsFunc(t.Keys, func(k Key) bool { return k.Name == name }) }
	fixed := func(name string) bool {
		_, coarser := t.Coarse.Keys[name]
		return !coarser && !slices.ContainsFunc(t.Keys, func(k Key) bool { return k.Name == name && (k.Private || k.Strata != "") })
	}
	scaled := d.Kind == "ratio" || d.Kind == "share"
	keyed := d.Kind == "loss_ratio" || d.Kind == "flows"
	factors := d.Kind == "loss_ratio" || d.Kind == "times"
	switch {
	case scaled && !(d.Scale > 0) || !scaled && !factors && d.Scale != 0 || !(d.Scale >= 0):
		return invalid("derived %s: scale must be above 0, and belongs to ratio and share, and to those with factors", d.Name)
	case keyed && !key(d.Key) || !keyed && d.Key != "":
		return invalid("derived %s: key names a key, and belongs to loss_ratio and flows", d.Name)
	case d.Kind == "loss_ratio" && !fixed(d.Key):
		return invalid("derived %s: key must divide alike in every variant, for the premiums are by its values", d.Name)
	case d.Kind != "change" && (d.Position != 0 || d.PositionParam != "" || d.Relative):
		return invalid("derived %s: position and relative belong to change", d.Name)
	case d.Kind == "change" && (d.Position > 0) == (d.PositionParam != ""):
		return invalid("derived %s: position is 1 or more, or position_parameter names it", d.Name)
	case d.PositionParam != "" && !t.isParameter(d.PositionParam, "integer") && !t.isParameter(d.PositionParam, "date"):
		return invalid("derived %s: position_parameter names no integer or date parameter", d.Name)
	case factors != (len(d.Factors) > 0 || d.FactorsParam != "") || len(d.Factors) > 0 && d.FactorsParam != "":
		return invalid("derived %s: factors, or factors_parameter, belong to loss_ratio and times", d.Name)
	case d.FactorsParam != "" && !t.listed(d.FactorsParam):
		return invalid("derived %s: factors_parameter names no amounts or layers", d.Name)
	case len(d.Within) > 0 && d.Kind != "share" && d.Kind != "totals":
		return invalid("derived %s: within belongs to share and totals", d.Name)
	}
	for _, w := range d.Within {
		if !key(w) {
			return invalid("derived %s: within: no key %q", d.Name, w)
		}
	}
	return nil
}

// checkDerived refuses, before anything is charged, public numbers that do not
// fit this variant: an event off the axis, factors too few or not above 0.
func (q *Question) checkDerived() error {
	for _, d := range q.Template.Derived {
		switch d.Kind {
		case "change":
			if p, n := q.position(d), len(q.axisOf(d.Of)); p < 1 || p >= n {
				return q.refuse(d.PositionParam, d, "the event must come after the first of the %d positions of %s", n, d.Of)
			}
		case "times", "loss_ratio":
			n := len(q.axisOf(d.Of))
			if d.Kind == "loss_ratio" {
				n = len(q.Job.Spec.Keys[q.key(d.Key)].Values)
			}
			factors, err := q.factors(d)
			if err != nil {
				return err
			}
			if len(factors) != n {
				return q.refuse(d.FactorsParam, d, "%d numbers are needed, not %d", n, len(factors))
			}
		}
	}
	return nil
}

// refuse blames the parameter that gives a derived number's setting, or else the
// template.
func (q *Question) refuse(parameter string, d Derived, format string, args ...any) error {
	if p := q.Template.parameter(parameter); p != nil {
		return p.refuse(format, args...)
	}
	return invalid("derived "+d.Name+": "+format, args...)
}

// key is the place of a key in this variant; -1 if it was dropped.
func (q *Question) key(name string) int {
	for i, k := range q.Job.Spec.Keys {
		if k.Name == name {
			return i
		}
	}
	return -1
}

// axisOf lists the positions of a measure in this variant. What is made of an
// axis by factors has the same.
func (q *Question) axisOf(of string) []string {
	for _, m := range q.Job.Spec.Measures {
		if m.Name == of {
			return m.Positions
		}
	}
	for _, d := range q.Template.Derived {
		if d.Name == of && d.Kind == "times" && d.Of != of {
			return q.axisOf(d.Of)
		}
	}
	return nil
}

// position is where a change's event lies: the position of that number, or the
// month or quarter of that date; -1 if it is on neither.
func (q *Question) position(d Derived) int {
	v := q.values[d.PositionParam]
	switch {
	case d.PositionParam == "":
		return d.Position
	case q.Template.isParameter(d.PositionParam, "integer"):
		return int(v.Int)
	}
	return slices.IndexFunc(q.axisOf(d.Of), func(label string) bool {
		return label == v.From.Format("2006-01") || label == quarterOf(v.From)
	})
}

// quarterOf is the label of a date's calendar quarter.
func quarterOf(t time.Time) string { return fmt.Sprintf("%d-Q%d", t.Year(), (t.Month()-1)/3+1) }

// factors are the public numbers of a derived one, scaled: above 0 and finite.
func (q *Question) factors(d Derived) ([]float64, error) {
	out := d.Factors
	if d.FactorsParam != "" {
		out = nil
		for _, n := range q.values[d.FactorsParam].Ints {
			out = append(out, float64(n))
		}
	}
	out = slices.Clone(out)
	for i, f := range out {
		if d.Scale != 0 {
			out[i] *= d.Scale
		}
		if !(out[i] > 0) || math.IsInf(out[i], 0) {
			return nil, q.refuse(d.FactorsParam, d, "%g is not above 0 and finite", f)
		}
	}
	return out, nil
}

// listed says whether a parameter gives a list of whole numbers.
func (t *Template) listed(name string) bool {
	return t.isParameter(name, "amounts") || t.isParameter(name, "layers")
}
