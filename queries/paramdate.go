package queries

import (
	"strings"
	"time"
)

const dayLayout = "2006-01-02"

// dateLayouts are the ways a day, a month or a year may be written, each with
// what leads to the day after its last one.
var dateLayouts = []struct {
	layout              string
	years, months, days int
}{
	{dayLayout, 0, 0, 1}, {"20060102", 0, 0, 1}, {"2006/01/02", 0, 0, 1}, {"2006-01", 0, 1, 0}, {"2006", 1, 0, 0},
}

// readDay gives the first and the last day of a date in any of its forms.
func readDay(text string) (first, last time.Time, ok bool) {
	for _, l := range dateLayouts {
		if len(text) != len(l.layout) {
			continue
		}
		if t, err := time.Parse(l.layout, text); err == nil {
			return t, t.AddDate(l.years, l.months, l.days-1), true
		}
	}
	return first, last, false
}

// readWindow takes FROM..TO, or one year, month or day, both ends in.
func (p *Parameter) readWindow(text string) (Value, error) {
	a, b, two := strings.Cut(text, "..")
	if !two {
		b = a
	}
	from, _, ok1 := readDay(strings.TrimSpace(a))
	_, to, ok2 := readDay(strings.TrimSpace(b))
	if !ok1 || !ok2 {
		return Value{}, p.refuse("%q is not a window like 2017-01-01..2017-12-31", text)
	}
	if from.Year() < 1900 || to.Year() > 2199 {
		return Value{}, p.refuse("a window lies within 1900..2199")
	}
	days := int64(to.Sub(from)/(24*time.Hour)) + 1
	if days < 1 {
		return Value{}, p.refuse("%q ends before it begins", text)
	}
	if p.Max > 0 && days > p.Max {
		return Value{}, p.refuse("%d days are more than %d", days, p.Max)
	}
	if days < p.Min {
		return Value{}, p.refuse("%d days are fewer than %d", days, p.Min)
	}
	return Value{Text: from.Format(dayLayout) + ".." + to.Format(dayLayout), From: from, To: to}, nil
}

func (p *Parameter) readDate(text string) (Value, error) {
	first, last, ok := readDay(strings.TrimSpace(text))
	if !ok || !first.Equal(last) || first.Year() < 1900 || first.Year() > 2199 {
		return Value{}, p.refuse("%q is not a day like 2017-07-01", text)
	}
	return Value{Text: first.Format(dayLayout), From: first, To: last}, nil
}

// checkDates holds dates against the windows they must lie in.
func (t *Template) checkDates(values map[string]Value) error {
	for i := range t.Parameters {
		p := &t.Parameters[i]
		if p.Within == "" {
			continue
		}
		if d, w := values[p.Name], values[p.Within]; d.From.Before(w.From) || d.From.After(w.To) {
			return p.refuse("%s is outside of %s, %s", d.Text, p.Within, w.Text)
		}
	}
	return nil
}
