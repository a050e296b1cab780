package locality

import (
	"encoding/json"
	"fmt"
	"reflect"
	"sort"
	"strings"
)

// literals stand for a parameter of each kind. They are casts, never plain
// integers, which GROUP BY and ORDER BY would take for positions.
var literals = map[Kind]string{
	KindDate:     "CAST('2017-01-01' AS DATE)",
	KindInteger:  "CAST(1 AS INTEGER)",
	KindText:     "CAST('x' AS VARCHAR)",
	KindTexts:    "CAST(['x'] AS VARCHAR[])",
	KindIntegers: "CAST([1] AS BIGINT[])",
}

// Bound is a statement with a constant in the place of each parameter.
type Bound struct {
	SQL    string
	source string
	edits  []edit
}

// edit says that the bytes from, of the source, became the bytes to of the bound text.
type edit struct{ from, fromEnd, to, toEnd int }

// Bind puts a constant of the declared type in the place of each parameter. An
// error names a parameter that is not declared, or a kind that is not known.
func Bind(sql string, d Declaration) (*Bound, error) {
	b := &Bound{source: sql}
	var out strings.Builder
	for at := 0; at < len(sql); {
		end, isParameter := token(sql, at)
		if !isParameter {
			out.WriteString(sql[at:end])
			at = end
			continue
		}
		kind, ok := d.Parameters[sql[at+1:end]]
		literal := literals[kind]
		if !ok || literal == "" {
			return nil, fmt.Errorf("%s is not declared", sql[at:end])
		}
		b.edits = append(b.edits, edit{at, end, out.Len(), out.Len() + len(literal)})
		out.WriteString(literal)
		at = end
	}
	b.SQL = out.String()
	return b, nil
}

// offset is the place in the source of a byte of the bound text.
func (b *Bound) offset(at int) int {
	i := sort.Search(len(b.edits), func(i int) bool { return b.edits[i].toEnd > at })
	if i < len(b.edits) && at >= b.edits[i].to {
		return b.edits[i].from
	}
	if i == 0 {
		return at
	}
	return at - b.edits[i-1].toEnd + b.edits[i-1].fromEnd
}

// token gives the end of the token at a byte, and whether it is a parameter.
// It need only be right about where texts, names and comments end; a slip shows
// when the trees are compared.
func token(sql string, at int) (end int, parameter bool) {
	rest := sql[at:]
	switch {
	case strings.HasPrefix(rest, "--"):
		return at + until(rest, "\n", 0), false
	case strings.HasPrefix(rest, "/*"):
		return at + until(rest, "*/", 2), false
	case rest[0] == '\'':
		return at + until(rest, "'", 1), false // '' begins another text
	case rest[0] == '"':
		return at + until(rest, `"`, 1), false
	case isWord(rest[0]):
		return at + word(rest), false
	case rest[0] == '$' && len(rest) > 1 && isWord(rest[1]):
		return at + 1 + word(rest[1:]), true
	}
	return at + 1, false
}

// until is the length of s up to and with the end mark, looked for after skip bytes.
func until(s, end string, skip int) int {
	if i := strings.Index(s[skip:], end); i >= 0 {
		return skip + i + len(end)
	}
	return len(s)
}

func isWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}

func word(s string) int {
	n := 0
	for n < len(s) && isWord(s[n]) {
		n++
	}
	return n
}

// sameTree says whether two trees are alike but for places, and for casts of
// constants where the first has parameters.
func sameTree(with, without string) bool {
	var a, b any
	if json.Unmarshal([]byte(with), &a) != nil || json.Unmarshal([]byte(without), &b) != nil {
		return false
	}
	return alike(a, b)
}

func alike(a, b any) bool {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok {
			return false
		}
		if x["class"] == "PARAMETER" {
			return y["class"] == "CAST" && x["alias"] == y["alias"]
		}
		if _, left := y["named_param_map"]; left {
			return false
		}
		return alikeFields(x, y)
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !alike(x[i], y[i]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a, b)
}

func alikeFields(x, y map[string]any) bool {
	for name, v := range x {
		switch name {
		case "query_location", "named_param_map":
		default:
			w, ok := y[name]
			if !ok || !alike(v, w) {
				return false
			}
		}
	}
	for name := range y {
		if _, ok := x[name]; !ok {
			return false
		}
	}
	return true
}
