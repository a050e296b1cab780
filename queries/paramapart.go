package queries

import (
	"maps"
	"slices"
	"strings"
)

// checkApartFrom proves that apart_from names another code list parameter, and
// only_with values of enum parameters.
func (t *Template) checkApartFrom() error {
	for i := range t.Parameters {
		p := &t.Parameters[i]
		for name, value := range p.OnlyWith {
			if p.Default != anyValue || !t.isParameter(name, "enum") || !slices.Contains(t.parameter(name).Values, value) {
				return invalid("parameter %s: only_with belongs to one whose default is any, and names a value of an enum parameter", p.Name)
			}
		}
		if p.ApartFrom == "" {
			continue
		}
		if p.Type != "code_list" || p.ApartFrom == p.Name || !t.isParameter(p.ApartFrom, "code_list") {
			return invalid("parameter %s: apart_from belongs to a code list and names another one", p.Name)
		}
	}
	return nil
}

// checkApart refuses choices that do not go together, and lists that hold every code of the lists they must be apart
// from, before anything is charged: whoever has the one then has the other on the
// same day, and the answer would be noise around nothing. For each
// list one code system in which that is so is enough: a source records in one.
func (q *Question) checkApart(c *Catalog) error {
	for i := range q.Template.Parameters {
		p := &q.Template.Parameters[i]
		for _, name := range slices.Sorted(maps.Keys(p.OnlyWith)) {
			if value := p.OnlyWith[name]; q.values[p.Name].Text != anyValue && q.values[name].Text != value {
				return p.refuse("%q is for %s %s, not %s", q.values[p.Name].Text, name, value, q.values[name].Text)
			}
		}
		other := q.values[p.ApartFrom]
		if p.ApartFrom == "" || slices.Contains(other.List, anyCode) {
			continue
		}
		text := q.values[p.Name].Text
		if text == anyCode {
			return p.refuse("%q holds every code of %s (%s): nobody would be left", text, p.ApartFrom, other.Text)
		}
		mine := codeSet(c.known(q.values[p.Name].List))
		if !slices.ContainsFunc(c.known(other.List), func(l *CodeList) bool { return !mine.holds(l) }) {
			return p.refuse("%q holds every code of %s (%s): nobody would be left", text, p.ApartFrom, other.Text)
		}
	}
	return nil
}

// holds says whether every code of a list is in the set, in one of its systems.
func (s CodeSet) holds(l *CodeList) bool {
	for system, codes := range codeSet([]*CodeList{l}) {
		if s[system].hold(codes) {
			return true
		}
	}
	return false
}

// known are the lists of these ids, of whatever kind.
func (c *Catalog) known(ids []string) []*CodeList {
	var out []*CodeList
	for _, id := range ids {
		if l := c.codeLists[id]; l != nil {
			out = append(out, l)
		}
	}
	return out
}

// hold says whether every code of others, and everything that begins as they say,
// is among c.
func (c Codes) hold(others Codes) bool {
	begins := func(code string) bool {
		return slices.ContainsFunc(c.Prefix, func(p string) bool { return strings.HasPrefix(code, p) })
	}
	for _, code := range others.Exact {
		if !slices.Contains(c.Exact, code) && !begins(code) {
			return false
		}
	}
	for _, prefix := range others.Prefix {
		if !begins(prefix) {
			return false
		}
	}
	return len(others.Exact)+len(others.Prefix) > 0
}
