package console

import (
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/queries"
)

// grouped writes a number with so many decimals and its thousands apart.
func grouped(x float64, decimals int) string {
	s := strconv.FormatFloat(math.Abs(x), 'f', decimals, 64)
	whole, rest, _ := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		whole += "." + rest
	}
	if x < 0 && strings.Trim(whole, "0.,") != "" {
		return "\u2212" + whole
	}
	return whole
}

// decimals are as many as an error lets one trust: its first two digits.
func decimals(half float64) int {
	if !(half > 0) || math.IsInf(half, 0) {
		return 2
	}
	return max(0, min(6, 1-int(math.Floor(math.Log10(half)))))
}

// unitOf turns a released unit into the one people read: fen into yuan, shares into
// per cent.
func unitOf(unit string) (scale float64, shown string) {
	switch unit {
	case "fen":
		return 0.01, "yuan"
	case "share":
		return 100, "%"
	}
	return 1, unit
}

// Number is a value in a unit, with as many digits as its error leaves; 0 for an
// error that is not known.
func (w words) Number(x, half float64, unit string) string {
	scale, shown := unitOf(unit)
	x, half = x*scale, half*scale
	n := decimals(half)
	if half <= 0 && x == math.Trunc(x) {
		n = 0
	}
	if shown == "people" || shown == "yuan" && math.Abs(x) >= 1000 {
		n = min(n, 0)
	}
	if shown == "yuan" {
		n = min(n, 2)
	}
	s := grouped(x, n)
	if shown == "%" {
		return s + " %"
	}
	return s
}

// Unit is a unit in words; of a share none, because its sign stands with the number.
func (w words) Unit(unit string) string {
	_, shown := unitOf(unit)
	if shown == "%" || shown == "" {
		return ""
	}
	if text, ok := w.has("unit " + shown); ok {
		return text
	}
	return shown
}

// Interval is the two ends of an interval.
func (w words) Interval(n queries.ReleasedNumber, unit string) string {
	if n.NoInterval {
		return w.say("no interval")
	}
	half := (n.High - n.Low) / 2
	return w.say("from to", w.Number(n.Low, half, unit), w.Number(n.High, half, unit))
}

// Percent is a share as people read it.
func (w words) Percent(share float64) string {
	switch {
	case share <= 0:
		return "0 %"
	case share < 0.0001:
		return "< 0.01 %"
	case share < 0.1:
		return grouped(100*share, 2) + " %"
	}
	return grouped(100*share, 1) + " %"
}

// Count is a whole number.
func (w words) Count(n any) string {
	switch n := n.(type) {
	case int:
		return grouped(float64(n), 0)
	case int64:
		return grouped(float64(n), 0)
	case float64:
		return grouped(n, 0)
	}
	return ""
}

// Span is a length of time in seconds as people say it: 10,800 are 3 hours.
func (w words) Span(seconds int) string {
	var parts []string
	for _, u := range []struct {
		name string
		is   int
	}{{"day", 86400}, {"hour", 3600}, {"minute", 60}, {"second", 1}} {
		n := seconds / u.is
		seconds -= n * u.is
		switch {
		case n == 1:
			parts = append(parts, w.say("span "+u.name))
		case n > 1 || u.is == 1 && len(parts) == 0:
			parts = append(parts, w.say("span "+u.name+"s", w.Count(n)))
		}
	}
	return strings.Join(parts, " ")
}

// Figure is a number with three digits that count.
func (w words) Figure(x float64) string {
	if x == 0 || math.Abs(x) >= 1000 {
		return grouped(x, 0)
	}
	n := max(0, 2-int(math.Floor(math.Log10(math.Abs(x)))))
	if n > 9 {
		return strconv.FormatFloat(x, 'g', 3, 64)
	}
	s := grouped(x, n)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// Day is a date in this language.
func (w words) Day(t time.Time) string {
	if w.lang == "zh" {
		return t.In(api.China).Format("2006年1月2日")
	}
	return t.In(api.China).Format("2 January 2006")
}

// Moment is a date and time in this language, to the second.
func (w words) Moment(t time.Time) string { return w.Day(t) + " " + t.In(api.China).Format("15:04:05") }

// Written is a day like 2025-01-31 in this language; anything else stays.
func (w words) Written(day string) string {
	t, err := time.ParseInLocation(time.DateOnly, day, api.China)
	if err != nil {
		return day
	}
	return w.Day(t)
}

// ISO is a moment as machines read it.
func (w words) ISO(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Short is the beginning of a digest or id.
func (w words) Short(s string) string {
	if len(s) <= 14 {
		return s
	}
	return s[:14] + "…"
}
