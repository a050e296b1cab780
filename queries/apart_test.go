package queries_test

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// Choices that leave nobody are refused by name, and what is near to them is not.
func TestChoicesThatLeaveNobody(t *testing.T) {
	c := catalog(t)
	for _, test := range []struct {
		id    string
		given map[string]string
		says  string // "": it is understood
	}{
		{"P6", map[string]string{"codes": "stroke", "outcome": "stroke"}, "outcome: \"stroke\" holds every code of codes (stroke)"},
		{"P6", map[string]string{"codes": "type-2-diabetes", "outcome": "diabetes"}, "outcome: \"diabetes\" holds every code of codes (type-2-diabetes)"},
		{"P6", map[string]string{"codes": "stroke,lung-cancer", "outcome": "malignancy,stroke"}, "outcome: \"malignancy,stroke\" holds"},
		{"P6", map[string]string{"codes": "diabetes", "outcome": "type-2-diabetes"}, ""}, // other diabetes first
		{"P6", map[string]string{"codes": "stroke,hypertension", "outcome": "stroke"}, ""},
		{"R1", map[string]string{"groups": "drg-diabetes", "scheme": "dip"}, "groups: \"drg-diabetes\" is for scheme drg, not dip"},
		{"R1", map[string]string{"groups": "drg-diabetes"}, ""},
		{"R1", map[string]string{"groups": "any", "scheme": "dip"}, ""},
	} {
		tpl, err := c.Find(test.id)
		if err != nil {
			t.Fatal(err)
		}
		given := maps.Clone(test.given)
		given["window"] = "2017"
		_, err = c.Compile(tpl, false, given, source)
		if test.says == "" && err != nil || test.says != "" && (!errors.Is(err, queries.ErrParameter) || !strings.Contains(err.Error(), test.says)) {
			t.Errorf("%s %v: %v, want %q", test.id, test.given, err, test.says)
		}
	}
}

// The settings behind it are checked when a template is read.
func TestSettingsOfChoicesAreChecked(t *testing.T) {
	c := catalog(t)
	for _, test := range []struct{ id, yaml, from, to, says string }{
		{"R1", "drg-cost.yaml", "only_with: {scheme: drg}", "only_with: {scheme: none}", "only_with"},
		{"R1", "drg-cost.yaml", "only_with: {scheme: drg}", "only_with: {window: drg}", "only_with"},
		{"P6", "time-to-outcome.yaml", "apart_from: codes", "apart_from: outcome", "apart_from"},
		{"P6", "time-to-outcome.yaml", "apart_from: codes", "apart_from: washout", "apart_from"},
		{"I6", "loss-ratio.yaml", "max: 1000000\n    unit: yuan", "max: 10000000000000\n    unit: yuan", "amounts in yuan"},
	} {
		text := pairText(t, test.yaml)
		if !strings.Contains(text, test.from) {
			t.Fatalf("%s has no %q", test.yaml, test.from)
		}
		tpl, err := c.Find(test.id)
		if err != nil {
			t.Fatal(err)
		}
		_, err = queries.ParseTemplate(test.yaml, []byte(strings.Replace(text, test.from, test.to, 1)), []byte(tpl.SQL))
		if !errors.Is(err, queries.ErrTemplate) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s with %q: %v", test.id, test.to, err)
		}
	}
}

// A drug list that is whole ATC classes knows them by their national codes too: X
// before the class. National codes have no fifth level, so other lists have none.
func TestNationalCodesAreWholeClasses(t *testing.T) {
	c := catalog(t)
	seen := map[string]bool{}
	for _, tpl := range c.Templates() {
		for _, p := range tpl.Parameters {
			for _, id := range p.Lists {
				l := c.CodeList(id)
				if l == nil || l.Kind != "drug" || seen[id] {
					continue
				}
				seen[id] = true
				want := []string{}
				for _, atc := range l.Codes["atc"] {
					want = append(want, "X"+atc)
				}
				if slices.ContainsFunc(l.Codes["atc"], func(atc string) bool { return !strings.HasSuffix(atc, "*") || len(atc) > len("A10BB*") }) {
					want = []string{}
				}
				if !slices.Equal(want, l.Codes["national"]) && len(want)+len(l.Codes["national"]) > 0 {
					t.Errorf("%s: national codes %v, want %v", id, l.Codes["national"], want)
				}
			}
		}
	}
	if len(seen) < 20 {
		t.Errorf("only %d drug lists", len(seen))
	}
}

func pairText(t *testing.T, name string) string {
	t.Helper()
	b, err := fs.ReadFile(templates.FS, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
