//go:build duckdb_arrow

package duckdb_test

import (
	"math/rand/v2"
	"testing"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/duckdb"
	"github.com/qunxiang/qunxiang/queries/enginetest"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// parameters of the catalogue's questions that meet enginetest's random people.
var parameters = map[string]map[string]string{
	"I1":  {"steps": "hypertension,type-2-diabetes", "sequence": "in_time"},
	"I2":  {"med_type": "all"},
	"I3":  {"med_type": "all"},
	"I4":  {"base": "insured"},
	"I5":  {"amount": "total", "layers": "1000xs0,20000xs500"},
	"I6":  {"deductible": "0"},
	"I7":  {"washout": "0"},
	"I8":  {"med_type": "all", "codes": "type-2-diabetes"},
	"I9":  {"med_type": "all", "codes": "type-2-diabetes"},
	"P1":  {"codes": "type-2-diabetes"},
	"P2":  {"codes": "hypertension", "drugs": "metformin,insulins"},
	"P3":  {"codes": "hypertension"},
	"P4":  {"drugs": "metformin,insulins,oral-antidiabetics", "days": "90"},
	"P5":  {"codes": "oral-antidiabetics", "washout": "0", "gap": "1"},
	"P6":  {"codes": "hypertension", "outcome": "type-2-diabetes,stroke", "washout": "0", "window": "2016-01-01..2018-12-31"},
	"P7":  {"classes": "metformin,insulins,calcium-channel-blockers", "washout": "0", "window": "2016-01-01..2018-12-31"},
	"P8":  {"codes": "oral-antidiabetics"},
	"P9":  {"codes": "hypertension,type-2-diabetes", "pre": "30", "post": "60"},
	"P10": {"codes": "metformin,insulins", "event": "2017-05-02"},
	"R1":  {"amount": "payment"},
	"R2":  {"fund": "pool"},
	"R3":  {"flow": "all", "med_type": "all"},
	"R4":  {"hospital": "any", "gap": "90"},
	"E1":  {},
	"H1":  {"codes": "hypertension,type-2-diabetes", "drugs": "metformin,amlodipine", "days": "60"},
	"H2":  {},
	"D1":  {"items": "coronary-intervention,knee-replacement,cataract-surgery"},
	"A2":  {},
}

func catalogue(t *testing.T) []*queries.Template {
	t.Helper()
	c, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Templates()) < len(parameters) {
		t.Fatalf("%d templates", len(c.Templates()))
	}
	return c.Templates()
}

func TestCatalogueHasNoFindings(t *testing.T) {
	for _, tpl := range catalogue(t) {
		findings, err := duckdb.Lint(tpl)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range findings {
			t.Errorf("%s: %s", tpl.Ref(), f)
		}
	}
}

// Every template, in both variants, maps people one by one.
func TestCatalogueKeepsPeopleApart(t *testing.T) {
	c, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(20, 17))
	world := enginetest.Random(r, 6)
	world.Patients(r, 6, 4)
	parts := enginetest.Divide(t, harness(), world)
	for _, tpl := range catalogue(t) {
		for _, coarse := range []bool{false, true} {
			given := map[string]string{"window": "2017-01-01..2017-12-31"}
			for name, value := range parameters[tpl.Catalogue] {
				given[name] = value
			}
			q, err := c.Compile(tpl, coarse, given, queries.Source{MaxRows: 100_000})
			if err != nil {
				t.Errorf("%s: %v", tpl.Ref(), err)
				continue
			}
			q.Job.Spec.K = 20
			t.Run(tpl.Catalogue, func(t *testing.T) { parts.Certify(t, q.Job) })
		}
	}
}
