package api

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/qunxiang/qunxiang/queries"
)

// TableData is a release as columns: one row per group, and below it one row
// per axis position where measures have an axis. Columns are the keys, then
// suppressed, then at (only where there is an axis; null in the row of the
// group), then value, low and high of every measure. A measure is null in rows
// that are not its own, and everywhere in a suppressed group.
//
// A release with a synthetic population is its rows instead, one column per
// attribute.
//
// Measures whose axes have the same positions in a group share rows. "people"
// comes first, the others by name.
type TableData struct {
	Columns []Column
	Rows    int
	// Meta says what the table is: release, template, snapshot and privacy, for
	// formats that have a place for it.
	Meta []Pair
	// Release is what the table was made of, and Digest the SHA-256 of its stored
	// bytes in hex: for formats that have a cover.
	Release *queries.Release `json:"-"`
	Digest  string           `json:"-"`
}

// Pair is a name and a text.
type Pair struct{ Name, Value string }

// Column is one column of a table: exactly one of Texts, Flags and Numbers is
// set and as long as the table.
type Column struct {
	Name    string
	Unit    string // of Numbers
	Texts   []string
	Flags   []bool
	Numbers []float64
	Null    []bool // nil where nothing is null
}

// Table turns the stored bytes of a release into columns.
func Table(stored []byte) (*TableData, error) {
	var r queries.Release
	if err := json.Unmarshal(stored, &r); err != nil {
		return nil, fmt.Errorf("reading a stored release: %w", err)
	}
	sum := sha256.Sum256(stored)
	if r.Synthetic != nil {
		t := syntheticTable(r)
		t.Release, t.Digest = &r, hex.EncodeToString(sum[:])
		return t, nil
	}
	b := tableBuilder{keys: r.Keys, suppressed: []bool{}, at: []string{}, atNull: []bool{}, index: map[string]int{}}
	b.declare(r.Groups)
	for _, g := range r.Groups {
		b.group(g)
	}
	return &TableData{Columns: b.columns(), Rows: b.rows, Meta: meta(r), Release: &r, Digest: hex.EncodeToString(sum[:])}, nil
}

func meta(r queries.Release) []Pair {
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	return []Pair{
		{"release", r.ID}, {"template", r.Template}, {"catalogue", r.Catalogue}, {"snapshot", r.Snapshot},
		{"released", r.Released.UTC().Format("2006-01-02T15:04:05Z")}, {"evaluation", strconv.FormatBool(r.Evaluation)},
		{"rho", number(r.Privacy.Rho)}, {"delta", number(r.Privacy.Delta)}, {"k", strconv.Itoa(r.Privacy.K)},
		{"interval", intervalMeaning(r)},
	}
}

func intervalMeaning(r queries.Release) string {
	for _, g := range r.Groups {
		for _, m := range g.Measures {
			if m.Banded() {
				return "95 %, for the noise; of curves for the noise and the sample (Greenwood)"
			}
		}
	}
	return "95 %, for the noise"
}

// tableBuilder collects rows; a measure's three columns begin at index[name].
type tableBuilder struct {
	keys       []string
	keyTexts   [][]string
	suppressed []bool
	axis       bool
	at         []string
	atNull     []bool
	index      map[string]int
	numbers    []Column
	rows       int
}

// declare finds the measures, and whether one has an axis.
func (b *tableBuilder) declare(groups []queries.ReleasedGroup) {
	units := map[string]string{}
	var names []string
	for _, g := range groups {
		for name, m := range g.Measures {
			if _, ok := units[name]; !ok {
				names = append(names, name)
			}
			units[name] = m.Unit
			b.axis = b.axis || m.Number == nil
		}
	}
	slices.SortFunc(names, func(x, y string) int {
		if (x == "people") != (y == "people") {
			if x == "people" {
				return -1
			}
			return 1
		}
		return strings.Compare(x, y)
	})
	for _, name := range names {
		b.index[name] = len(b.numbers)
		for _, end := range []string{"_value", "_low", "_high"} {
			b.numbers = append(b.numbers, Column{Name: name + end, Unit: units[name], Numbers: []float64{}, Null: []bool{}})
		}
	}
	for range b.keys {
		b.keyTexts = append(b.keyTexts, []string{})
	}
}

// row adds a row of nulls and returns its number.
func (b *tableBuilder) row(g queries.ReleasedGroup, at string, isGroup bool) int {
	for i, k := range b.keys {
		b.keyTexts[i] = append(b.keyTexts[i], g.Keys[k])
	}
	b.suppressed = append(b.suppressed, g.Suppressed)
	b.at, b.atNull = append(b.at, at), append(b.atNull, isGroup)
	for i := range b.numbers {
		b.numbers[i].Numbers = append(b.numbers[i].Numbers, 0)
		b.numbers[i].Null = append(b.numbers[i].Null, true)
	}
	b.rows++
	return b.rows - 1
}

func (b *tableBuilder) set(row int, measure string, n queries.ReleasedNumber) {
	first := b.index[measure]
	shown := []float64{n.Value, n.Low, n.High}
	if n.NoInterval {
		shown = shown[:1]
	}
	for i, x := range shown {
		b.numbers[first+i].Numbers[row], b.numbers[first+i].Null[row] = x, false
	}
}

// group adds the row of a group and the rows of its axes.
func (b *tableBuilder) group(g queries.ReleasedGroup) {
	first := b.row(g, "", true)
	axes := map[string][]int{} // rows by positions
	for _, name := range sortedNames(g.Measures) {
		m := g.Measures[name]
		if m.Number != nil {
			b.set(first, name, *m.Number)
			continue
		}
		var labels []string
		for _, p := range m.Values {
			labels = append(labels, strconv.Quote(p.At))
		}
		axis := strings.Join(labels, ",")
		if _, ok := axes[axis]; !ok {
			for _, p := range m.Values {
				axes[axis] = append(axes[axis], b.row(g, p.At, false))
			}
		}
		for i, p := range m.Values {
			b.set(axes[axis][i], name, p.ReleasedNumber)
		}
	}
}

func sortedNames(m map[string]queries.ReleasedValue) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// columns puts everything in order. A key that has the name of another column
// gets "key_" in front.
func (b *tableBuilder) columns() []Column {
	rest := []Column{{Name: "suppressed", Flags: b.suppressed}}
	if b.axis {
		rest = append(rest, Column{Name: "at", Texts: b.at, Null: b.atNull})
	}
	rest = append(rest, b.numbers...)
	var out []Column
	for i, k := range b.keys {
		for slices.ContainsFunc(rest, func(c Column) bool { return c.Name == k }) || slices.ContainsFunc(out, func(c Column) bool { return c.Name == k }) {
			k = "key_" + k
		}
		out = append(out, Column{Name: k, Texts: b.keyTexts[i]})
	}
	return append(out, rest...)
}
