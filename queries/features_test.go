package queries_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// A fixture per refusal of a feature template: one edit of a good one.
func TestFeatureTemplateRefusals(t *testing.T) {
	good, sql := pair(t, "claim-frequency-features")
	if _, err := queries.ParseTemplate("good.yaml", []byte(good), []byte(sql)); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, old, new, says string }{
		{"unknown key", "  rows_per_person: 6", "  rows_a_person: 6", "x.yaml:51:3"},
		{"repeated key", "  rows_per_person: 6", "  rows_per_person: 6\n  rows_per_person: 7", "x.yaml:52:3"},
		{"unknown key of a column", "decimals: 6", "digits: 6", "x.yaml:53:40"},
		{"catalogue of a question", "catalogue: F1", "catalogue: I2", "like F1"},
		{"keys too", "features:\n", "keys:\n  - {name: age, values: [a]}\nfeatures:\n", "in place of keys"},
		{"l0 too", "features:\n", "l0: 1\nfeatures:\n", "in place of keys"},
		{"reach too", "features:\n", "reach: 1\nfeatures:\n", "no reach"},
		{"coarse too", "features:\n", "coarse: {l0: 1}\nfeatures:\n", "no coarse"},
		{"no example", "example: {window", "notes2: {window", "x.yaml"},
		{"another audience", "audiences: [node]", "audiences: [node, insurer]", "node alone"},
		{"no row", "    zh: 一名参保人的一个参保年度\n", "", "row is needed"},
		{"no rows", "rows_per_person: 6", "rows_per_person: 0", "rows_per_person"},
		{"too many rows", "rows_per_person: 6", "rows_per_person: 1025", "rows_per_person"},
		{"no range", "unit: visits, range: [0, 366]", "unit: visits", "either range"},
		{"upside-down range", "range: [0, 366]", "range: [366, 0]", "low below high"},
		{"range between integers", "range: [0, 120]", "range: [0.5, 120]", "decimals"},
		{"range too large", "range: [0, 120]", "range: [0, 1e16]", "too large"},
		{"decimals", "decimals: 6", "decimals: 10", "0..9"},
		{"no unit", "name: age, unit: years,", "name: age,", "unit"},
		{"exposure of nothing", "range: [0.002, 1]", "range: [0, 1]", "above 0"},
		{"exposure as a factor", "unit: years, decimals: 6, range: [0.002, 1]", "text: true, levels: [a, b], code_list: schema/sex@1", "exposure cover must be"},
		{"response as a factor", "unit: visits, range: [0, 366]", "levels: [a, b], code_list: schema/sex@1", "response visits must be"},
		{"name twice", "name: age", "name: visits", "repeated"},
		{"the key as a name", "name: age", "name: psn_key", "repeated"},
		{"one level", "levels: [female, male, unknown]", "levels: [female]", "two or more"},
		{"level twice", "levels: [female, male, unknown]", "levels: [female, female]", "two or more"},
		{"factor with a unit", "{name: sex,", "{name: sex, unit: people,", "no unit"},
		{"no code list", ", code_list: schema/sex@1", "", "code_list"},
		{"no version", "schema/sex@1", "schema/sex", "code_list"},
		{"another schema", "schema/sex@1", "schema/sex@2", "code_list"},
		{"column of no view", "schema/sex@1", "schema/dept@1", "no view offers"},
		{"lists of nothing", "lists: chronic}\nexample", "lists: window}\nexample", "no code_lists parameter"},
		{"both", "lists: chronic}\nexample", "lists: chronic, levels: [a, b]}\nexample", "either"},
		{"institution", "columns: [begn, med_type]", "columns: [begn, med_type, inst_key]", "no institution"},
		{"person number", "columns: [birth_ym, sex]", "columns: [birth_ym, sex, pno]", "no column"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if strings.Count(good, test.old) != 1 {
				t.Fatalf("%q is there %d times", test.old, strings.Count(good, test.old))
			}
			_, err := queries.ParseTemplate("x.yaml", []byte(strings.Replace(good, test.old, test.new, 1)), []byte(sql))
			if !errors.Is(err, queries.ErrTemplate) || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("got %v, want %q", err, test.says)
			}
		})
	}
	question, _ := pair(t, "claim-frequency")
	_, err := queries.ParseTemplate("x.yaml", []byte(strings.Replace(question, "catalogue: I2", "catalogue: F2", 1)), []byte(sql))
	if !errors.Is(err, queries.ErrTemplate) || !strings.Contains(err.Error(), "is for feature templates") {
		t.Fatalf("a question as F2: %v", err)
	}
}

func catalogue(t testing.TB) *queries.Catalog {
	t.Helper()
	c, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Rows of people have no way to a query: no list, no name and no compilation of
// questions knows a feature template, and the other way round.
func TestFeatureTemplatesAreNoQuestions(t *testing.T) {
	c := catalogue(t)
	if n := len(c.Templates()); n != 30 {
		t.Errorf("%d questions", n)
	}
	if len(c.FeatureTemplates()) < 2 {
		t.Errorf("%d feature templates", len(c.FeatureTemplates()))
	}
	for _, tpl := range c.FeatureTemplates() {
		if !c.Certified(tpl) {
			t.Errorf("%s is not certified", tpl.Ref())
		}
		for _, ref := range []string{tpl.ID, tpl.Ref(), tpl.Catalogue, strings.ToLower(tpl.Catalogue)} {
			if _, err := c.Find(ref); !errors.Is(err, queries.ErrFeatures) || !errors.Is(err, queries.ErrUnknownTemplate) {
				t.Errorf("Find(%q): %v", ref, err)
			}
			if got, err := c.FindFeatures(ref); err != nil || got != tpl {
				t.Errorf("FindFeatures(%q): %v", ref, err)
			}
		}
		for _, coarse := range []bool{false, true} {
			if _, err := c.Compile(tpl, coarse, tpl.Example, queries.Source{}); !errors.Is(err, queries.ErrFeatures) {
				t.Errorf("Compile: %v", err)
			}
		}
	}
	for _, tpl := range c.Templates() {
		if _, err := c.FindFeatures(tpl.ID); !errors.Is(err, queries.ErrUnknownTemplate) {
			t.Errorf("FindFeatures(%s): %v", tpl.ID, err)
		}
		if _, err := c.CompileFeatures(tpl, tpl.Example, queries.Source{}); !errors.Is(err, queries.ErrUnknownTemplate) {
			t.Errorf("CompileFeatures(%s): %v", tpl.ID, err)
		}
	}
}

func frequency(t testing.TB, given map[string]string) *queries.FeatureQuestion {
	t.Helper()
	c := catalogue(t)
	tpl, err := c.FindFeatures("F1")
	if err != nil {
		t.Fatal(err)
	}
	q, err := c.CompileFeatures(tpl, given, queries.Source{MaxRows: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// The years that are charged follow from the parameters: the window's, and those
// that looking back touches.
func TestFeatureYears(t *testing.T) {
	for _, test := range []struct {
		window, history string
		years           []int
	}{
		{"2017", "0", []int{2017}},
		{"2017", "1", []int{2016, 2017}},
		{"2017", "365", []int{2016, 2017}},
		{"2017", "367", []int{2015, 2016, 2017}},
		{"2017-06-01..2018-02-01", "151", []int{2017, 2018}},
		{"2017-06-01..2018-02-01", "152", []int{2016, 2017, 2018}},
	} {
		if q := frequency(t, map[string]string{"window": test.window, "history": test.history}); !slices.Equal(q.Years, test.years) {
			t.Errorf("%s less %s days: %v, want %v", test.window, test.history, q.Years, test.years)
		}
	}
}

func contract() queries.Contract {
	return queries.Contract{
		Response: queries.ContractField{Name: "visits", Unit: "visits", Lo: 0, Hi: 60}, Exposure: 0.75, Rows: 3,
		Features: []queries.ContractField{
			{Name: "diabetes", CodeList: "diabetes@1", Levels: []string{"yes", "no"}},
			{Name: "age", Unit: "years", Lo: 19.5, Hi: 80.2},
			{Name: "sex", CodeList: "schema/sex@1", Levels: []string{"male", "unknown", "female"}},
		},
	}
}

// What fits keeps to the contract's ranges and rows, and to its order.
func TestFit(t *testing.T) {
	q := frequency(t, map[string]string{"window": "2017", "chronic": "hypertension,diabetes"})
	f, err := q.Fit(contract())
	if err != nil {
		t.Fatal(err)
	}
	name := func(i int) string { return q.Columns[i].Name }
	if name(f.Response) != "visits" || name(f.Exposure) != "cover" || f.Weight != -1 || f.Job.Rows != 3 ||
		name(f.Features[0]) != "diabetes" || name(f.Features[1]) != "age" || name(f.Features[2]) != "sex" {
		t.Fatalf("%+v", f)
	}
	age, cover := f.Job.Columns[f.Features[1]], f.Job.Columns[f.Exposure]
	if age.Lo != 20 || age.Hi != 80 || cover.Lo != 2000 || cover.Hi != 750_000 || f.Job.Columns[f.Response].Hi != 60 {
		t.Fatalf("age %+v, cover %+v", age, cover)
	}
	if q.Job.Columns[f.Response].Hi != 366 || q.Job.Rows != 6 {
		t.Fatal("fitting changed the question")
	}
	for name, change := range map[string]func(c *queries.Contract){
		"response":          func(c *queries.Contract) { c.Response.Name = "age" },
		"response's unit":   func(c *queries.Contract) { c.Response.Unit = "yuan" },
		"response's range":  func(c *queries.Contract) { c.Response.Hi = 367 },
		"weights":           func(c *queries.Contract) { c.Weights = true },
		"exposure's bound":  func(c *queries.Contract) { c.Exposure = 0.001 },
		"unknown feature":   func(c *queries.Contract) { c.Features[1].Name = "height" },
		"exposure as one":   func(c *queries.Contract) { c.Features[1].Name = "cover" },
		"list not chosen":   func(c *queries.Contract) { c.Features[0].Name = "copd" },
		"unit":              func(c *queries.Contract) { c.Features[1].Unit = "months" },
		"low end":           func(c *queries.Contract) { c.Features[1].Lo = -1 },
		"nothing in range":  func(c *queries.Contract) { c.Features[1].Lo, c.Features[1].Hi = 20.1, 20.9 },
		"number as factor":  func(c *queries.Contract) { c.Features[1].Levels = []string{"a"} },
		"factor as number":  func(c *queries.Contract) { c.Features[2].Levels = nil },
		"code list":         func(c *queries.Contract) { c.Features[2].CodeList = "schema/sex@2" },
		"level too many":    func(c *queries.Contract) { c.Features[2].Levels = append(c.Features[2].Levels, "other") },
		"level that is not": func(c *queries.Contract) { c.Features[2].Levels = c.Features[2].Levels[1:] },
	} {
		c := contract()
		change(&c)
		if _, err := q.Fit(c); !errors.Is(err, queries.ErrContract) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A fitted range holds no number beyond the contract's, whatever its decimals.
func TestFitStaysWithin(t *testing.T) {
	q := frequency(t, map[string]string{"window": "2017"})
	rapid.Check(t, func(rt *rapid.T) {
		c := contract()
		c.Features = []queries.ContractField{c.Features[1]}
		lo := rapid.Float64Range(0, 119).Draw(rt, "lo")
		hi := rapid.Float64Range(lo+1, 120).Draw(rt, "hi")
		c.Features[0].Lo, c.Features[0].Hi = lo, hi
		c.Exposure = rapid.Float64Range(0.002, 3).Draw(rt, "exposure")
		f, err := q.Fit(c)
		if err != nil {
			rt.Fatal(err)
		}
		age, cover := f.Job.Columns[f.Features[0]], f.Job.Columns[f.Exposure]
		if float64(age.Lo) < lo || float64(age.Hi) > hi || float64(cover.Hi)/cover.Scale > c.Exposure || age.Hi-age.Lo < int64(hi-lo)-1 {
			rt.Fatalf("%+v for %v..%v, %+v for %v", age, lo, hi, cover, c.Exposure)
		}
	})
}

// Nothing prints a row (rule 11): not the row, not what holds it.
func TestPersonRowsAreRedacted(t *testing.T) {
	key := [16]byte{0xde, 0xad, 0xbe, 0xef, 0x41, 0x42, 0x43, 0x44}
	row := queries.NewPersonRow(key, []float64{7391.25})
	if row.Person() != "deadbeef414243440000000000000000" || row.Value(0) != 7391.25 || row.Value(1) != 0 || row.Value(-1) != 0 {
		t.Fatal("the row does not give what it holds")
	}
	type holder struct {
		Row  queries.PersonRow
		row  queries.PersonRow
		List []queries.PersonRow
		list map[string]*queries.PersonRow
	}
	h := holder{row, row, []queries.PersonRow{row}, map[string]*queries.PersonRow{"x": &row}}
	said := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%X", "%q", "%g", "%T"} {
		for what, x := range map[string]any{"row": row, "pointer": &row, "holder": h, "&holder": &h, "list": h.List} {
			said[verb+" "+what] = fmt.Sprintf(verb, x)
		}
	}
	var logged, encoded bytes.Buffer
	slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "row", row, "holder", h)
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "row", &row, "holder", &h)
	said["slog"] = logged.String()
	b, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	said["json"] = string(b)
	if err := gob.NewEncoder(&encoded).Encode(row); err != nil {
		t.Fatal(err)
	}
	said["gob"] = encoded.String()
	text, _ := row.MarshalText()
	binary, _ := row.MarshalBinary()
	said["texts"] = fmt.Sprint(row.String(), row.GoString(), row.LogValue(), string(text), string(binary))
	said["reflection"] = fmt.Sprintf("%v %+v", reflect.ValueOf(h), reflect.ValueOf(&h).Elem().Field(1))
	for how, text := range said {
		for _, leak := range []string{"7391", "deadbeef", "DEADBEEF", "ABCD", "222 173"} {
			if strings.Contains(text, leak) {
				t.Errorf("%s says %q", how, text)
			}
		}
	}
	for _, how := range []string{"%v row", "%+v pointer", "%#v row", "%d row", "%x row", "slog", "json", "gob", "texts"} {
		if !strings.Contains(said[how], "redacted") {
			t.Errorf("%s says %q", how, said[how])
		}
	}
}
