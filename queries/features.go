package queries

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/queries/dataset"
)

// featureCatalogue is the first letter of feature templates' catalogue ids.
const featureCatalogue = 'F'

// Features say what the rows of a feature template hold: a row is the psn_key of
// one person and these columns. A person may have several rows, at most
// RowsPerPerson; of more, the engine keeps the first in an order by hash, which
// depends on that person alone. Nothing else is bounded here: what a person
// adds to a sum is clipped in integers by the training itself.
type Features struct {
	Row           Text            `yaml:"row"` // what one row is, in plain words
	RowsPerPerson int             `yaml:"rows_per_person"`
	Response      FeatureColumn   `yaml:"response"`
	Exposure      *FeatureColumn  `yaml:"exposure"`
	Weight        *FeatureColumn  `yaml:"weight"`
	Columns       []FeatureColumn `yaml:"columns"`
}

// FeatureColumn is one column of the SQL: a number with unit and range, a factor
// with levels, or with Lists one factor for each chosen code list.
//
// A number is an integer n in the SQL and stands for n/10^Decimals, exactly. What
// is outside of Range counts as its nearer end. A factor is the position of a
// level, from 0, or with Text the level itself. A row with a NULL, or with a level
// that is not declared, is left out.
type FeatureColumn struct {
	Name     string    `yaml:"name"` // also the SQL's column
	Unit     string    `yaml:"unit"`
	Decimals int       `yaml:"decimals"` // 0..9
	Range    []float64 `yaml:"range"`    // in Unit, both ends in
	Levels   []string  `yaml:"levels"`
	Text     bool      `yaml:"text"`
	// CodeList is where the levels come from: id@version of an approved list, or
	// schema/column@version of the canonical schema. A factor needs one.
	CodeList string `yaml:"code_list"`
	// Lists names a code_lists parameter. The column is the sum of 2^position over
	// the lists that apply; each chosen list becomes a factor of its id, with the
	// levels no and yes.
	Lists string `yaml:"lists"`
}

// listLevels are the levels of a factor that a code list makes.
var listLevels = []string{"no", "yes"}

const (
	maxDecimals   = 9
	maxFeatures   = 200
	maxPersonRows = 1024    // as many as a training takes of a person
	maxFeature    = 1 << 53 // in the SQL's integers: floats are exact below
	maxBits       = 50      // lists of one column
)

// checkNoQuestion refuses the parts of a question beside features.
func (t *Template) checkNoQuestion() error {
	switch {
	case t.Catalogue[0] != featureCatalogue:
		return invalid("the catalogue id of a feature template is like F1, not %s", t.Catalogue)
	case len(t.Keys)+len(t.Measures)+len(t.Derived) > 0 || t.L0 != 0 || t.L0PerYear || t.L0Lists != "":
		return invalid("features stand in place of keys, l0, measures and derived")
	case t.Reach != 0 || t.ReachBy != nil || t.Coarse != nil:
		return invalid("a feature template has no reach and no coarse variant")
	case len(t.Audiences) != 1 || t.Audiences[0] != string(policy.Node):
		return invalid("the audience of a feature template is [%s]: the domain's own node alone", policy.Node)
	case t.Example == nil:
		return invalid("a feature template needs an example")
	}
	return nil
}

func (t *Template) checkFeatures() error {
	f := t.Features
	switch {
	case f.Row.EN == "" || f.Row.ZH == "":
		return invalid("features: row is needed in en and zh: what one row is")
	case f.RowsPerPerson < 1 || f.RowsPerPerson > maxPersonRows:
		return invalid("features: rows_per_person is 1..%d", maxPersonRows)
	case len(f.Columns) == 0 || len(f.Columns) > maxFeatures:
		return invalid("features: 1 to %d columns are needed", maxFeatures)
	}
	if !slices.ContainsFunc(t.Parameters, func(p Parameter) bool { return p.Type == "window" }) {
		return invalid("features: a window parameter is needed, for the years that are charged")
	}
	for _, r := range t.Reads {
		if slices.Contains(r.Columns, "inst_key") {
			return invalid("read %s: no institution may be a feature", r.View)
		}
	}
	seen := map[string]bool{"psn_key": true}
	for _, c := range f.all() {
		if !namePattern.MatchString(c.Name) || seen[c.Name] {
			return invalid("feature %q: bad or repeated name", c.Name)
		}
		seen[c.Name] = true
		if err := t.checkFeature(c); err != nil {
			return err
		}
	}
	return f.checkNumbers()
}

// all are the columns in the order of the engine: response, exposure, weight, features.
func (f *Features) all() []FeatureColumn {
	out := []FeatureColumn{f.Response}
	for _, c := range []*FeatureColumn{f.Exposure, f.Weight} {
		if c != nil {
			out = append(out, *c)
		}
	}
	return append(out, f.Columns...)
}

// checkNumbers holds response, exposure and weight to what they are.
func (f *Features) checkNumbers() error {
	if f.Response.Range == nil {
		return invalid("response %s must be a number", f.Response.Name)
	}
	if e := f.Exposure; e != nil && (e.Range == nil || e.Range[0] <= 0) {
		return invalid("exposure %s must be a number above 0", e.Name)
	}
	if w := f.Weight; w != nil && (w.Range == nil || w.Range[0] < 0) {
		return invalid("weight %s must be a number not below 0", w.Name)
	}
	return nil
}

func (t *Template) checkFeature(c FeatureColumn) error {
	kinds := 0
	for _, set := range []bool{c.Range != nil, len(c.Levels) > 0, c.Lists != ""} {
		if set {
			kinds++
		}
	}
	switch {
	case kinds != 1:
		return invalid("feature %s has either range, levels or lists", c.Name)
	case c.Range != nil:
		return c.checkNumber()
	case c.Unit != "" || c.Decimals != 0:
		return invalid("feature %s: a factor has no unit and no decimals", c.Name)
	case c.Lists != "":
		return t.checkLists(c)
	}
	if len(c.Levels) < 2 || len(slices.Compact(slices.Sorted(slices.Values(c.Levels)))) != len(c.Levels) || slices.Contains(c.Levels, "") {
		return invalid("feature %s: two or more different levels are needed", c.Name)
	}
	return t.checkCodeList(c)
}

func (c FeatureColumn) checkNumber() error {
	if c.Unit == "" || c.Text || c.CodeList != "" {
		return invalid("feature %s: a number needs a unit, and has no text and no code list", c.Name)
	}
	if c.Decimals < 0 || c.Decimals > maxDecimals {
		return invalid("feature %s: decimals are 0..%d", c.Name, maxDecimals)
	}
	if len(c.Range) != 2 || !(c.Range[0] < c.Range[1]) {
		return invalid("feature %s: range needs two numbers, low below high", c.Name)
	}
	for _, x := range c.Range {
		if n := math.Round(x * pow10(c.Decimals)); !(math.Abs(n) < maxFeature) || n/pow10(c.Decimals) != x {
			return invalid("feature %s: %v has more than %d decimals or is too large", c.Name, x, c.Decimals)
		}
	}
	return nil
}

func (t *Template) checkLists(c FeatureColumn) error {
	p := t.parameter(c.Lists)
	switch {
	case p == nil || p.Type != "code_lists":
		return invalid("feature %s: %q is no code_lists parameter", c.Name, c.Lists)
	case p.Max > maxBits || slices.Contains(p.Lists, anyCode):
		return invalid("feature %s: at most %d lists fit, and %q is none", c.Name, maxBits, anyCode)
	case c.Text || c.CodeList != "":
		return invalid("feature %s: lists stand in place of text and code_list", c.Name)
	}
	return nil
}

// checkCodeList wants a factor's levels to come from a list with a version.
func (t *Template) checkCodeList(c FeatureColumn) error {
	id, version, ok := strings.Cut(c.CodeList, "@")
	column, schema := strings.CutPrefix(id, "schema/")
	if !ok || schema && version != strconv.Itoa(dataset.SchemaVersion) {
		return invalid("feature %s: code_list is id@version, or schema/column@%d", c.Name, dataset.SchemaVersion)
	}
	if !schema {
		return nil // the catalogue knows
	}
	for _, r := range t.Reads {
		if slices.Contains(r.Columns, column) {
			return nil
		}
	}
	return invalid("feature %s: code_list: no view offers the column %q", c.Name, column)
}

// knowsLevels says whether the approved lists that factors name are there, in
// their versions.
func (c *Catalog) knowsLevels(t *Template) error {
	if t.Features == nil {
		return nil
	}
	for _, col := range t.Features.Columns {
		id, version, _ := strings.Cut(col.CodeList, "@")
		if id == "" || strings.HasPrefix(id, "schema/") {
			continue
		}
		if l := c.codeLists[id]; l == nil || strconv.Itoa(l.Version) != version {
			return fmt.Errorf("%w: %s: feature %s names code list %q, which is not there", ErrTemplate, t.ID, col.Name, col.CodeList)
		}
	}
	return nil
}

func pow10(n int) float64 {
	x := 1.0
	for range n {
		x *= 10
	}
	return x
}
