package queries

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Description is a template as clients see it: everything but the SQL.
type Description struct {
	Template    string           `json:"template"`
	Catalogue   string           `json:"catalogue"`
	Digest      string           `json:"digest"`
	Title       Text             `json:"title"`
	Description Text             `json:"description"`
	Audiences   []string         `json:"audiences"`
	Purposes    []string         `json:"purposes"`
	Parameters  []DescribedParam `json:"parameters"`
	Keys        []DescribedKey   `json:"keys"`
	Measures    []DescribedValue `json:"measures"`
	L0          int              `json:"groups_per_person"`
	Notes       []Text           `json:"notes"`
}

// DescribedParam is a parameter with its limits.
type DescribedParam struct {
	Name        string   `json:"name"`
	Type        string   `json:"type"`
	Description Text     `json:"description"`
	Limits      string   `json:"limits"`
	Default     string   `json:"default,omitempty"`
	Values      []string `json:"values,omitempty"`
}

// DescribedKey is a group key with its public domain, empty where found privately.
type DescribedKey struct {
	Name   string   `json:"name"`
	Values []string `json:"values,omitempty"`
	Domain string   `json:"domain"` // in words
}

// DescribedValue is a measure or a derived number.
type DescribedValue struct {
	Name   string `json:"name"`
	Title  Text   `json:"title"`
	Unit   string `json:"unit"`
	Kind   string `json:"kind"`
	Bounds string `json:"bounds,omitempty"`
}

// Describe tells a client what it may ask and what it will get.
func (t *Template) Describe() Description {
	d := Description{
		Template: t.Ref(), Catalogue: t.Catalogue, Digest: t.Digest(), Title: t.Title, Description: t.Description,
		Audiences: t.Audiences, Purposes: t.Purposes, L0: t.L0, Notes: t.Notes,
		Parameters: []DescribedParam{}, Keys: []DescribedKey{}, Measures: []DescribedValue{},
	}
	for _, p := range t.Parameters {
		d.Parameters = append(d.Parameters, DescribedParam{p.Name, p.Type, p.Description, p.Limits(), p.Default, append(p.Values, p.Lists...)})
	}
	for _, k := range t.Keys {
		values := k.Values
		if k.Bands != nil {
			values = k.Bands.Labels()
		}
		d.Keys = append(d.Keys, DescribedKey{k.Name, values, k.Domain()})
	}
	for _, m := range t.Measures {
		d.Measures = append(d.Measures, DescribedValue{m.Name, m.Title, m.Unit, m.Kind, m.Bounds()})
	}
	for _, v := range t.Derived {
		d.Measures = append(d.Measures, DescribedValue{v.Name, v.Title, v.Unit, v.Kind, ""})
	}
	return d
}

// Limits says in a few words what a parameter takes.
func (p *Parameter) Limits() string {
	var s string
	switch p.Type {
	case "window":
		s = fmt.Sprintf("FROM..TO, at most %d days", p.Max)
	case "integer":
		s = fmt.Sprintf("%d..%d %s%s", p.Min, p.Max, p.Unit, p.decimals())
	case "probabilities":
		s = fmt.Sprintf("at most %d numbers between 0 and 1", p.Max)
	case "enum":
		s = "one of " + strings.Join(p.Values, ", ")
	case "date":
		s = "a day"
		if p.Within != "" {
			s += " within " + p.Within
		}
	case "amounts":
		s = fmt.Sprintf("%d numbers, each %d..%d %s%s", p.Count, p.Min, p.Max, p.Unit, p.decimals())
	case "layers":
		s = fmt.Sprintf("layers COVERxsATTACHMENT, each number %d..%d %s%s", p.Min, p.Max, p.Unit, p.decimals())
	case "strata":
		s = fmt.Sprintf("none, or at most %d of %s", p.Max, strings.Join(p.Values, ", "))
		if p.Min > 0 {
			s = fmt.Sprintf("%d to %d of %s", p.Min, p.Max, strings.Join(p.Values, ", "))
		}
	case "code_lists":
		s = fmt.Sprintf("at most %d of %s", p.Max, strings.Join(p.Lists, ", "))
		if p.Ordered {
			s += ", in this order"
		}
	case "enums":
		s = "some of " + strings.Join(p.Values, ", ")
	case "code_list":
		s = "some of " + strings.Join(p.Lists, ", ")
	}
	if p.Default != "" {
		s += "; default " + p.Default
	}
	return s
}

// decimals says that amounts of money need not be whole.
func (p *Parameter) decimals() string {
	if p.Unit == yuanUnit {
		return ", at most two decimals"
	}
	return ""
}

// Domain says in a few words which groups a key makes.
func (k Key) Domain() string {
	switch {
	case k.Private:
		return "found privately: values of few people do not appear"
	case k.Bands != nil:
		return strings.Join(k.Bands.Labels(), ", ")
	case k.Years != "":
		return "calendar years of " + k.Years
	case k.Quarter != "":
		return "calendar quarters of " + k.Quarter
	case k.Lists != "":
		return "the lists of " + k.Lists
	}
	return strings.Join(k.Values, ", ")
}

// Bounds says in a few words how much one person can change a measure, for each
// choice that bounds it otherwise.
func (m Measure) Bounds() string {
	var s []string
	for _, c := range m.Cases() {
		text := c.fewBounds()
		if c.Value != "" {
			text = fmt.Sprintf("where %s is %s, %s", m.By.Parameter, c.Value, text)
		}
		s = append(s, text)
	}
	return strings.Join(s, "; ")
}

// Case is a measure as it is bounded for one choice of the parameter that its By names;
// for every choice that has no case of its own, Value is "".
type Case struct {
	Value string
	Measure
}

// Cases are how a measure is bounded: what holds in general first.
func (m Measure) Cases() []Case {
	out := []Case{{Measure: m}}
	if m.By == nil {
		return out
	}
	for _, value := range slices.Sorted(maps.Keys(m.By.Values)) {
		out = append(out, Case{value, m.bounded(map[string]string{m.By.Parameter: value})})
	}
	return out
}

func (m Measure) fewBounds() string {
	var s []string
	if len(m.Clamp) == 2 {
		s = append(s, "each value within "+m.said(m.Clamp))
	}
	if m.Rows > 0 {
		s = append(s, fmt.Sprintf("at most %d rows of a person", m.Rows))
	}
	if len(m.Total) == 2 {
		total := "a person's total"
		if m.Kind == "series" {
			total += " at each position"
		}
		if m.Centre != 0 {
			total += ", less " + m.said([]int64{m.Centre}) + " a row,"
		}
		s = append(s, total+" within "+m.said(m.Total))
	}
	if len(m.Attributes) > 0 {
		s = append(s, m.describeAttributes()...)
	}
	if m.Kind == "spread" {
		s = append(s, fmt.Sprintf("a person's squared deviations within %d of (%d %s)^2", m.Total2, m.Unit2, m.Unit))
	}
	if m.MaxPositions > 0 {
		s = append(s, fmt.Sprintf("at most %d positions", m.MaxPositions))
	}
	if m.PerYear {
		s = append(s, "per year")
	}
	if len(s) == 0 {
		return "one of each person"
	}
	return strings.Join(s, ", ")
}

// said writes a number, or the ends of a range, with thousands apart and money in
// yuan.
func (m Measure) said(ends []int64) string {
	var out []string
	for _, x := range ends {
		digits, rest := strconv.FormatUint(uint64(max(x, -x)), 10), ""
		if m.Unit == "fen" {
			digits, rest = strconv.FormatUint(uint64(max(x, -x)/100), 10), fmt.Sprintf(".%02d", max(x, -x)%100)
		}
		for i := len(digits) - 3; i > 0; i -= 3 {
			digits = digits[:i] + "," + digits[i:]
		}
		if x < 0 {
			digits = "-" + digits
		}
		out = append(out, digits+strings.TrimSuffix(rest, ".00"))
	}
	if m.Unit == "fen" {
		return strings.Join(out, "..") + " yuan"
	}
	return strings.Join(out, "..")
}
