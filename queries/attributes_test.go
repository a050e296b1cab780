package queries_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/queries"
)

// A fixture per refusal of what marginals need.
func TestMarginalsTemplateRefusals(t *testing.T) {
	good, sql := pair(t, "synthetic-marginals")
	for _, test := range []struct{ name, old, new, says string }{
		{"no choice of attributes", "    attributes_parameter: columns\n", "", "attributes_parameter"},
		{"one attribute would do", "    min: 2\n", "", "min of 2"},
		{"no number of rows", "    synthetic_parameter: rows\n", "", "synthetic_parameter"},
		{"two rows of a person", "    rows: 1\n", "    rows: 2\n", "rows of 1"},
		{"another order", "values: [sex, age, insutype,", "values: [age, sex, insutype,", "in order"},
		{"no title", `, title: {en: "Sex", zh: "性别"}`, "", "title"},
		{"one value", "values: [male, female, unknown]", "values: [male]", "two or more values"},
		{"values and bands", "column: died, values", "column: died, bands: {first: 0, width: 1, last: 1}, values", "either"},
		{"known values", `column: died, values: ["no", "yes"]`, `column: died, known: true, values: ["no", "yes"]`, "known"},
		{"attributes of a sum", "kind: marginals", "kind: sum", "belong to marginals"},
		{"coarser than nothing", "    self_pay: {bands", "    selfpay: {bands", "coarse attribute selfpay"},
		{"no coarser", "age: {bands: {first: 0, width: 30, last: 60}}", "age: {bands: {first: 0, width: 10, last: 90}}", "is no coarser"},
		{"bands of values", "region: {drop: true}", "region: {bands: {first: 0, width: 1, last: 1}}", "coarse attribute region"},
		{"a second measure", "reach: 9500\n", "  - {name: more, kind: rows, rows: 1, unit: rows, title: {en: x, zh: x}, reference: 1, reference_people: 1}\nreach: 9500\n", "stand alone"},
	} {
		if strings.Count(good, test.old) != 1 {
			t.Fatalf("%s: %q is there %d times", test.name, test.old, strings.Count(good, test.old))
		}
		_, err := queries.ParseTemplate("x.yaml", []byte(strings.Replace(good, test.old, test.new, 1)), []byte(sql))
		if !errors.Is(err, queries.ErrTemplate) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v, want %q", test.name, err, test.says)
		}
	}
}

// The chosen columns become attributes in the order of the template, whatever
// the client's, with their public values and, in bands, one for unknown.
func TestMarginalsCompile(t *testing.T) {
	c := catalog(t)
	tpl, err := c.Find("A1")
	if err != nil {
		t.Fatal(err)
	}
	compiled := func(coarse bool, columns string) (*queries.Question, error) {
		return c.Compile(tpl, coarse, map[string]string{"window": "2017", "rows": "1234", "columns": columns}, source)
	}
	for _, test := range []struct {
		coarse  bool
		columns string
		want    []dp.Attribute
	}{
		{false, "stays,sex", []dp.Attribute{{Name: "sex", Column: "sex", Values: []string{"male", "female", "unknown"}}, {Name: "stays", Column: "stays", Values: []string{"0", "1", "2", "3", "4", "5+"}}}},
		{true, "stays,region,age", []dp.Attribute{{Name: "age", Column: "age", Values: []string{"0-29", "30-59", "60+", "unknown"}}, {Name: "stays", Column: "stays", Values: []string{"0", "1", "2+"}}}},
	} {
		q, err := compiled(test.coarse, test.columns)
		if err != nil {
			t.Fatal(err)
		}
		m := q.Job.Spec.Measures[0]
		if !reflect.DeepEqual(m.Attributes, test.want) || m.Synthetic != 1234 || m.Rows != 1 {
			t.Errorf("%s: %+v", test.columns, m)
		}
		q.Job.Spec.K = 20
		if err := q.Job.Spec.Check(); err != nil {
			t.Error(err)
		}
		if len(q.Job.Columns) != len(test.want) {
			t.Errorf("%s: reads columns %v", test.columns, q.Job.Columns)
		}
	}
	for columns, says := range map[string]string{"sex": "fewer than 2", "none": "is not one of", "sex,inst_key": "is not one of", "sex,region": ""} {
		if _, err := compiled(false, columns); (says == "") != (err == nil) || err != nil && (!errors.Is(err, queries.ErrParameter) || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v, want %q", columns, err, says)
		}
	}
	if _, err := compiled(true, "sex,region"); !errors.Is(err, queries.ErrParameter) || !strings.Contains(err.Error(), "columns") {
		t.Errorf("one column is left of the coarse variant: %v", err)
	}
}

// What was measured of pairs comes back from JSON as it went in.
func TestReleasedMarginalsRoundTrip(t *testing.T) {
	n := queries.ReleasedNumber{Value: 5, Low: 1, High: 9}
	v := queries.ReleasedValue{
		Unit: "people", Values: []queries.ReleasedPoint{{At: "sex: male", ReleasedNumber: n}},
		Marginals: &queries.ReleasedMarginals{
			Pairs: []queries.ReleasedPair{{ReleasedPairError: queries.ReleasedPairError{A: "sex", B: "age", Independence: n}, Fit: 0.01, Cells: []queries.ReleasedPairCell{{A: "male", B: "0-9", ReleasedNumber: n}}}},
			Left:  []queries.ReleasedPairError{{A: "sex", B: "died", Independence: n}},
			Fit:   []queries.ReleasedFit{{Name: "sex", Distance: 0.02}},
		},
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var back queries.ReleasedValue
	if err := json.Unmarshal(b, &back); err != nil || !reflect.DeepEqual(back, v) {
		t.Errorf("%s comes back as %+v (%v)", b, back, err)
	}
}
