package queries_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/templates"
)

func catalog(t testing.TB) *queries.Catalog {
	t.Helper()
	c, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var source = queries.Source{Snapshot: strings.Repeat("ab", 32), MaxRows: 20000}

// asked are parameters that every template of the catalogue understands.
var asked = map[string]map[string]string{
	"I1":  {"window": "2017-01-01..2017-12-31"},
	"I2":  {"window": "2017-01-01..2017-12-31"},
	"I3":  {"window": "2016-07-01..2017-06-30"},
	"I4":  {"window": "2017-01-01..2017-12-31"},
	"I5":  {"window": "2017-01-01..2017-12-31"},
	"I6":  {"window": "2017-01-01..2017-12-31"},
	"I7":  {"window": "2017-01-01..2017-12-31"},
	"I8":  {"window": "2017-01-01..2017-12-31", "codes": "stroke,pneumonia"},
	"I9":  {"window": "2017-01-01..2017-12-31", "codes": "stroke"},
	"P1":  {"window": "2017-01-01..2017-12-31", "codes": "omop-viral-sinusitis"},
	"P2":  {"window": "2017-01-01..2017-12-31", "codes": "hypertension"},
	"P3":  {"window": "2017-01-01..2017-12-31", "codes": "hypertension"},
	"P4":  {"window": "2017-01-01..2017-12-31", "drugs": "metformin,insulins"},
	"P5":  {"window": "2016-01-01..2018-12-31", "codes": "metformin"},
	"P6":  {"window": "2016-01-01..2018-12-31", "codes": "hypertension", "outcome": "stroke"},
	"P7":  {"window": "2017-01-01..2017-12-31", "classes": "metformin,sulfonylureas,insulins"},
	"P8":  {"window": "2017-01-01..2017-12-31"},
	"P9":  {"window": "2017-01-01..2018-06-30", "codes": "hypertension"},
	"P10": {"window": "2016-07-01..2018-06-30", "codes": "metformin", "event": "2017-07-01"},
	"R1":  {"window": "2017-01-01..2017-12-31"},
	"R2":  {"window": "2016-01-01..2018-12-31"},
	"R3":  {"window": "2017-01-01..2017-12-31"},
	"R4":  {"window": "2017-01-01..2017-12-31"},
	"R5":  {"window": "2017-01-01..2017-12-31"},
	"E1":  {"window": "2017-01-01..2017-12-31"},
	"H1":  {"window": "2017-01-01..2017-12-31", "codes": "hypertension", "drugs": "antihypertensives"},
	"H2":  {"window": "2017-01-01..2017-12-31"},
	"D1":  {"window": "2017-01-01..2017-12-31"},
	"A1":  {"window": "2017-01-01..2017-12-31"},
	"A2":  {"window": "2017-01-01..2017-12-31"},
}

func TestEveryTemplateCompilesBothVariants(t *testing.T) {
	c := catalog(t)
	var ids []string
	for _, tpl := range c.Templates() {
		ids = append(ids, tpl.Catalogue)
		fine, err := c.Compile(tpl, false, asked[tpl.Catalogue], source)
		if err != nil {
			t.Fatalf("%s: %v", tpl.Catalogue, err)
		}
		coarse, err := c.Compile(tpl, true, asked[tpl.Catalogue], source)
		if err != nil {
			t.Fatalf("%s coarse: %v", tpl.Catalogue, err)
		}
		cells := func(q *queries.Question) int {
			n := 1
			for _, k := range q.Job.Spec.Keys {
				n *= max(1, len(k.Values))
			}
			for _, m := range q.Job.Spec.Measures {
				n *= max(1, len(m.Positions))
				for _, a := range m.Attributes {
					n *= len(a.Values)
				}
			}
			return n
		}
		if cells(coarse) >= cells(fine) {
			t.Errorf("%s: the coarse variant has %d cells, the fine one %d", tpl.Catalogue, cells(coarse), cells(fine))
		}
	}
	if want := []string{"I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "P9", "P10", "R1", "R2", "R3", "R4", "R5", "E1", "H1", "H2", "D1", "A1", "A2"}; !slices.Equal(ids, want) {
		t.Errorf("catalogue %v, want %v", ids, want)
	}
}

// Which years are charged follows from parameters alone, lookback included.
func TestYearsAreThoseTheViewsCanExpose(t *testing.T) {
	c := catalog(t)
	for _, test := range []struct {
		id    string
		given map[string]string
		want  []int
	}{
		{"I3", map[string]string{"window": "2016-07-01..2017-06-30"}, []int{2016, 2017}},
		{"P1", map[string]string{"window": "2017-01-01..2017-12-31", "codes": "stroke", "washout": "0"}, []int{2017}},
		{"P1", map[string]string{"window": "2017-01-01..2017-12-31", "codes": "stroke", "washout": "1"}, []int{2016, 2017}},
		{"P1", map[string]string{"window": "2017-01-01..2017-12-31", "codes": "stroke", "washout": "366"}, []int{2016, 2017}},
		{"P1", map[string]string{"window": "2017-01-01..2017-12-31", "codes": "stroke", "washout": "367"}, []int{2015, 2016, 2017}},
	} {
		tpl, err := c.Find(test.id)
		if err != nil {
			t.Fatal(err)
		}
		q, err := c.Compile(tpl, false, test.given, source)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(q.Years, test.want) {
			t.Errorf("%s %v: years %v, want %v", test.id, test.given, q.Years, test.want)
		}
	}
}

func TestParametersAreRefused(t *testing.T) {
	c := catalog(t)
	for _, test := range []struct {
		id, name, value, says string
	}{
		{"I3", "window", "2017-12-31..2017-01-01", "ends before it begins"},
		{"I3", "window", "2017-13", "is not a window"},
		{"I3", "window", "2017-02-30..2017-03-01", "is not a window"},
		{"I3", "window", "1066-01-01..1066-12-31", "within 1900..2199"},
		{"I3", "window", "2010-01-01..2017-12-31", "more than 1096"},
		{"I3", "med_type", "'; ATTACH 'x'", "is not one of"},
		{"I3", "colour", "red", "no such parameter"},
		{"P5", "gap", "0", "not within 1..180"},
		{"P5", "gap", "181", "not within 1..180"},
		{"P5", "gap", "1e2", "not a whole number"},
		{"P5", "gap", "99999999999999999999", "not a whole number"},
		{"P5", "codes", "unheard-of", "is not one of"},
		{"P5", "codes", "", "is required"},
		{"I6", "cap", "2000000.01", "not within 1000..2000000 yuan"},
		{"I6", "premium", "50,50,80,120,200,300,500,0.50", "not within 1..100000 yuan"},
		{"P6", "outcome", "hypertension", "outcome: \"hypertension\" holds every code of codes"},
		{"P6", "outcome", "stroke,hypertension", "holds every code"},
		{"I4", "probs", "0.5,1", "between 0 and 1"},
		{"I4", "probs", "NaN", "between 0 and 1"},
		{"I4", "probs", ".1,.2,.3,.4,.5,.6,.7,.8", "more than 7"},
	} {
		tpl, err := c.Find(test.id)
		if err != nil {
			t.Fatal(err)
		}
		given := map[string]string{}
		for k, v := range asked[test.id] {
			given[k] = v
		}
		given[test.name] = test.value
		_, err = c.Compile(tpl, false, given, source)
		if !errors.Is(err, queries.ErrParameter) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s %s=%q: %v, want %q", test.id, test.name, test.value, err, test.says)
		}
	}
}

// A source whose drug eras already merge gaps refuses a shorter one.
func TestSourceFloor(t *testing.T) {
	c := catalog(t)
	tpl, _ := c.Find("P5")
	omop := source
	omop.Facts = map[string]int64{"drug_era_gap_days": 30}
	given := map[string]string{"window": "2016-01-01..2018-12-31", "codes": "omop-norethindrone", "gap": "29"}
	if _, err := c.Compile(tpl, true, given, omop); !errors.Is(err, queries.ErrParameter) {
		t.Errorf("gap 29 on merged eras: %v", err)
	}
	given["gap"] = "30"
	if _, err := c.Compile(tpl, true, given, omop); err != nil {
		t.Errorf("gap 30 on merged eras: %v", err)
	}
	given["gap"] = "29"
	if _, err := c.Compile(tpl, true, given, source); err != nil {
		t.Errorf("gap 29 on single fills: %v", err)
	}
}

func TestFind(t *testing.T) {
	c := catalog(t)
	for _, ref := range []string{"claim-severity", "claim-severity@1.1.0", "I3", "i3"} {
		if tpl, err := c.Find(ref); err != nil || tpl.ID != "claim-severity" {
			t.Errorf("%s: %v", ref, err)
		}
	}
	for _, ref := range []string{"", "claim-severity@9.0.0", "I99", "../claim-severity"} {
		if _, err := c.Find(ref); !errors.Is(err, queries.ErrUnknownTemplate) {
			t.Errorf("%q: %v", ref, err)
		}
	}
}

// A person is in one group of each list that was chosen, and no more is paid for.
func TestListsBoundGroups(t *testing.T) {
	c := catalog(t)
	tpl, err := c.Find("P4")
	if err != nil {
		t.Fatal(err)
	}
	for drugs, want := range map[string]int{"metformin": 1, "statins,metformin,insulins": 3} {
		for _, coarse := range []bool{false, true} {
			q, err := c.Compile(tpl, coarse, map[string]string{"window": "2017", "drugs": drugs}, source)
			if err != nil || q.Job.Spec.L0 != want {
				t.Errorf("%s: L0 is %d (%v), want %d", drugs, q.Job.Spec.L0, err, want)
			}
		}
	}
}

// Code lists reach the SQL as their ids, in the order of their positions.
func TestListsAreArguments(t *testing.T) {
	c := catalog(t)
	tpl, err := c.Find("P7")
	if err != nil {
		t.Fatal(err)
	}
	q, err := c.Compile(tpl, false, map[string]string{"window": "2017", "classes": "insulins,metformin"}, source)
	if err != nil {
		t.Fatal(err)
	}
	if got := q.Job.Args["classes"]; !slices.Equal(got.([]string), []string{"metformin", "insulins"}) {
		t.Errorf("classes are %v", got)
	}
}
