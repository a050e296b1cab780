package queries

import (
	"math"
	"slices"
	"strconv"
	"strings"
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
	case m.TotalAtParam != "" && (m.TotalAt != nil || t.parameter(m.TotalAtParam) == nil):
		return invalid("measure %s: total_at_parameter names a parameter, in place of total_at", m.Name)
	}
	return nil
}

// scalarKinds and additiveKinds have the normal noise of one draw in each
// number; the latter's numbers of several groups add up.
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
	case "loss_ratio":
		if !scalarKinds[of] || !scalarKinds[by] {
			return invalid("derived %s: of and by name sums, rows or people", d.Name)
		}
	case "totals", "flows":
		if d.Of != "" || d.By != "" {
			return invalid("derived %s: %s take no measure", d.Name, d.Kind)
		}
	default:
		return invalid("derived %s: kind is ratio, share, funnel, change, loss_ratio, times, totals or flows", d.Name)
	}
	return t.checkDerivedUse(d)
}

// checkDerivedUse refuses settings that are missing, or that another kind uses.
func (t *Template) checkDerivedUse(d Derived) error {
	key := func(name string) bool { return slices.ContainsFunc(t.Keys, func(k Key) bool { return k.Name == name }) }
	scaled := d.Kind == "ratio" || d.Kind == "share"
	keyed := d.Kind == "loss_ratio" || d.Kind == "flows"
	factors := d.Kind == "loss_ratio" || d.Kind == "times"
	switch {
	case scaled && !(d.Scale > 0) || !scaled && d.Scale != 0:
		return invalid("derived %s: scale must be above 0, and belongs to ratio and share", d.Name)
	case keyed && !key(d.Key) || !keyed && d.Key != "":
		return invalid("derived %s: key names a key, and belongs to loss_ratio and flows", d.Name)
	case d.Kind != "change" && (d.Position != 0 || d.PositionParam != "" || d.Relative):
		return invalid("derived %s: position and relative belong to change", d.Name)
	case d.Kind == "change" && (d.Position > 0) == (d.PositionParam != ""):
		return invalid("derived %s: position is 1 or more, or position_parameter names it", d.Name)
	case d.PositionParam != "" && !t.isParameter(d.PositionParam, "integer"):
		return invalid("derived %s: position_parameter names no integer parameter", d.Name)
	case factors != (len(d.Factors) > 0 || d.FactorsParam != "") || len(d.Factors) > 0 && d.FactorsParam != "":
		return invalid("derived %s: factors, or factors_parameter, belong to loss_ratio and times", d.Name)
	case d.FactorsParam != "" && t.parameter(d.FactorsParam) == nil:
		return invalid("derived %s: factors_parameter names no parameter", d.Name)
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
			if p, n := q.position(d), q.positions(d.Of); p < 1 || p >= n {
				return q.refuse(d.PositionParam, d, "the event must be at position 1 to %d of %s, not %d", n-1, d.Of, p)
			}
		case "times", "loss_ratio":
			n := q.positions(d.Of)
			if d.Kind == "loss_ratio" {
				n = 1
				if i := q.key(d.Key); i >= 0 {
					n = len(q.Job.Spec.Keys[i].Values)
				}
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

// positions is how long a measure's axis is in this variant. What is made of an
// axis by factors is as long as it.
func (q *Question) positions(of string) int {
	for _, m := range q.Job.Spec.Measures {
		if m.Name == of {
			return len(m.Positions)
		}
	}
	for _, d := range q.Template.Derived {
		if d.Name == of && d.Of != of {
			return q.positions(d.Of)
		}
	}
	return 0
}

func (q *Question) position(d Derived) int {
	if d.PositionParam != "" {
		return int(q.values[d.PositionParam].Int)
	}
	return d.Position
}

// factors are the public numbers of a derived one: above 0 and finite.
func (q *Question) factors(d Derived) ([]float64, error) {
	out := d.Factors
	if d.FactorsParam != "" {
		out = nil
		for _, s := range listed(q.Parameters[d.FactorsParam]) {
			f, err := strconv.ParseFloat(s, 64)
			if err != nil {
				return nil, q.refuse(d.FactorsParam, d, "%q is not a number", s)
			}
			out = append(out, f)
		}
	}
	for _, f := range out {
		if !(f > 0) || math.IsInf(f, 0) {
			return nil, q.refuse(d.FactorsParam, d, "%g is not above 0 and finite", f)
		}
	}
	return out, nil
}

// wholeNumbers reads a list parameter of integers.
func (q *Question) wholeNumbers(parameter string) ([]int64, error) {
	var out []int64
	for _, s := range listed(q.Parameters[parameter]) {
		n, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return nil, q.Template.parameter(parameter).refuse("%q is not a whole number", s)
		}
		out = append(out, n)
	}
	return out, nil
}

// listed cuts the canonical text of a list parameter.
func listed(text string) []string {
	if text == "" {
		return nil
	}
	parts := strings.Split(text, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return parts
}
