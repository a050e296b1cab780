package queries

import (
	"fmt"
	"slices"
	"strings"

	"github.com/qunxiang/qunxiang/dp"
)

// marginalsKind is the kind of measures that have attributes.
const marginalsKind = "marginals"

// unknownLabel is the value of whoever is in no band.
const unknownLabel = "unknown"

// Attribute is one property of a person that marginals may be asked of: an
// integer column, in bands or as the number of a value from 0. The last value
// takes every number that is none of the others', and NULL; with bands that is
// "unknown", unless Known says that the SQL always gives a number in a band.
type Attribute struct {
	Name   string   `yaml:"name"`
	Title  Text     `yaml:"title"`
	Column string   `yaml:"column"`
	Values []string `yaml:"values"`
	Bands  *Bands   `yaml:"bands"`
	Known  bool     `yaml:"known"`
}

// labels are the values of an attribute divided by bands, or as declared.
func (a Attribute) labels(bands *Bands) []string {
	switch {
	case bands == nil:
		return a.Values
	case a.Known:
		return bands.Labels()
	}
	return append(bands.Labels(), unknownLabel)
}

// checkMarginals proves that marginals are complete, and that attributes belong
// to them alone.
func (t *Template) checkMarginals(m Measure) error {
	if m.Kind != marginalsKind {
		if m.Attributes != nil || m.AttributesParam != "" || m.SyntheticParam != "" {
			return invalid("measure %s: attributes belong to marginals", m.Name)
		}
		return nil
	}
	p := t.parameter(m.AttributesParam)
	switch {
	case p == nil || p.Type != "strata" || p.Min < 2:
		return invalid("measure %s: attributes_parameter names no strata parameter with a min of 2", m.Name)
	case !t.isParameter(m.SyntheticParam, "integer"):
		return invalid("measure %s: synthetic_parameter names no integer parameter", m.Name)
	case len(t.Keys) > 0 || t.L0 != 1 || m.Rows != 1 || m.PerYear:
		return invalid("measure %s: marginals need l0 and rows of 1 and no keys", m.Name)
	case len(t.Measures) > 1:
		return invalid("measure %s: marginals stand alone", m.Name)
	}
	var names []string
	for _, a := range m.Attributes {
		names = append(names, a.Name)
		switch {
		case !namePattern.MatchString(a.Name) || !namePattern.MatchString(a.Column):
			return invalid("measure %s: attribute %q: bad name or column", m.Name, a.Name)
		case a.Title.EN == "" || a.Title.ZH == "":
			return invalid("measure %s: attribute %s needs a title in en and zh", m.Name, a.Name)
		case (a.Bands == nil) == (len(a.Values) < 2) || a.Known && a.Bands == nil:
			return invalid("measure %s: attribute %s has either two or more values or bands, and known belongs to bands", m.Name, a.Name)
		}
		if a.Bands != nil {
			if err := a.Bands.check(); err != nil {
				return err
			}
		}
	}
	if !slices.Equal(names, p.Values) || len(names) < 2 {
		return invalid("measure %s: the values of %s are its attributes, in order", m.Name, p.Name)
	}
	return nil
}

// checkCoarseAttributes proves that every coarser attribute is one and is coarser.
func (t *Template) checkCoarseAttributes() error {
	for name, c := range t.Coarse.Attributes {
		var a *Attribute
		for _, m := range t.Measures {
			if i := slices.IndexFunc(m.Attributes, func(a Attribute) bool { return a.Name == name }); i >= 0 {
				a = &m.Attributes[i]
			}
		}
		if a == nil || c.Drop == (c.Bands != nil) || c.Quarters || c.Bands != nil && a.Bands == nil {
			return invalid("coarse attribute %s: names an attribute and either drops it or widens its bands", name)
		}
		if c.Bands != nil {
			if err := c.Bands.check(); err != nil {
				return err
			}
			if len(c.Bands.Labels()) >= len(a.Bands.Labels()) {
				return invalid("coarse attribute %s: is no coarser", name)
			}
		}
	}
	return nil
}

// attributes fills in those that were chosen, in the order of the template, as
// this variant divides them.
func (q *Question) attributes(m Measure, d *dp.Measure) error {
	if m.Kind != marginalsKind {
		return nil
	}
	p := q.Template.parameter(m.AttributesParam)
	chosen := q.values[p.Name].List
	d.Synthetic = int(q.values[m.SyntheticParam].Int)
	for _, a := range m.Attributes {
		coarser, bands := Coarser{}, a.Bands
		if q.Coarse {
			coarser = q.Template.Coarse.Attributes[a.Name]
		}
		if coarser.Bands != nil {
			bands = coarser.Bands
		}
		if slices.Contains(chosen, a.Name) && !coarser.Drop {
			d.Attributes = append(d.Attributes, dp.Attribute{Name: a.Name, Column: q.column(a.Column, bands, 0), Values: a.labels(bands)})
		}
	}
	if len(d.Attributes) < 2 {
		return p.refuse("at least two are needed that this variant has, not %d", len(d.Attributes))
	}
	return nil
}

// describeAttributes says what one person can change, and what may be asked.
func (m Measure) describeAttributes() []string {
	var names []string
	for _, a := range m.Attributes {
		names = append(names, fmt.Sprintf("%s (%s)", a.Name, strings.Join(a.labels(a.Bands), "; ")))
	}
	return []string{"one cell of each table; attributes " + strings.Join(names, ", ")}
}
