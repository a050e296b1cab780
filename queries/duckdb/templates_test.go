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
	"A1": {"columns": "sex,age,insutype,region,level,stays,visits,cost,self_pay,chronic,drugs,died", "diseases": "type-2-diabetes,hypertension"},
	"I2": {"med_type": "all"},
	"I3": {"med_type": "all"},
	"I4": {"base": "insured"},
	"I8": {"med_type": "all", "codes": "type-2-diabetes"},
	"P1": {"codes": "type-2-diabetes"},
	"P5": {"codes": "oral-antidiabetics", "washout": "0", "gap": "1"},
	"P8": {"codes": "oral-antidiabetics"},
	"R2": {"fund": "pool"},
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
	world := enginetest.Random(rand.New(rand.NewPCG(20, 17)), 6)
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
