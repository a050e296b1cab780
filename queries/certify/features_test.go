//go:build duckdb_arrow

package certify

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/duckdb"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// rowsOf is an engine of people with so many rows each, who may be made to mix.
type rowsOf struct {
	rows  []int // by person
	sets  [][]int
	wrong func(person int, among []int) (value float64, more int)
}

func (r *rowsOf) only(people []int) int64 {
	r.sets = append(r.sets, people)
	return int64(len(r.sets) - 1)
}

func (r *rowsOf) CheckRows(context.Context, queries.FeatureJob) error { return nil }

func (r *rowsOf) People(_ context.Context, j queries.FeatureJob, yield func([]queries.PersonRow) error) error {
	among := r.sets[j.Epoch]
	for _, p := range among {
		value, more := 0.0, 0
		if r.wrong != nil {
			value, more = r.wrong(p, among)
		}
		for range min(r.rows[p]+more, j.Rows) {
			values := make([]float64, len(j.Columns))
			values[0] = value
			if err := yield([]queries.PersonRow{queries.NewPersonRow([16]byte{byte(p + 1)}, values)}); err != nil {
				return err
			}
		}
	}
	return nil
}

func tried(t *testing.T, r *rowsOf, sql string) *Certificate {
	t.Helper()
	catalog, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	tpl, err := catalog.FindFeatures("F1")
	if err != nil {
		t.Fatal(err)
	}
	if sql != "" {
		yaml, err := fs.ReadFile(templates.FS, "claim-frequency-features.yaml")
		if err != nil {
			t.Fatal(err)
		}
		if tpl, err = queries.ParseTemplate("x.yaml", yaml, []byte(sql)); err != nil {
			t.Fatal(err)
		}
	}
	c, err := Certify(t.Context(), tpl, Options{
		Catalog: catalog, Rows: r, Prove: duckdb.Prove,
		Population: Population{Source: queries.Source{MaxRows: 100}, People: len(r.rows), Only: r.only},
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A feature template passes if every person's rows are their own, and fails by the
// name of what is wrong.
func TestFeaturesAreCertified(t *testing.T) {
	for name, c := range map[string]struct {
		engine rowsOf
		sql    string
		code   string // "" passes
	}{
		"good":          {rowsOf{rows: []int{2, 0, 6, 1}}, "", ""},
		"nobody":        {rowsOf{rows: []int{0, 0}}, "", "example"},
		"too many rows": {rowsOf{rows: []int{2, 7}}, "", "rows"},
		"a mean of all": {rowsOf{rows: []int{1, 1, 1}, wrong: func(_ int, among []int) (float64, int) { return float64(len(among)), 0 }}, "", "neighbours"},
		"a row more without the first": {rowsOf{rows: []int{1, 1, 1}, wrong: func(p int, among []int) (float64, int) {
			if p == 2 && len(among) == 2 && among[0] == 1 {
				return 0, 1
			}
			return 0, 0
		}}, "", "neighbours"},
		"not local":  {rowsOf{rows: []int{1}}, "SELECT psn_key, count(*) OVER () AS visits FROM person", "locality"},
		"unread":     {rowsOf{rows: []int{1}}, "SELECT psn_key, 0 AS visits, 1 AS cover, 1 AS age, sex, 0 AS insutype, 0 AS chronic FROM person", "unread"},
		"not a text": {rowsOf{rows: []int{1}}, "SELECT psn_key, sex AS visits, 1 AS cover, 1 AS age, sex, 0 AS insutype, 0 AS chronic FROM person", "locality"},
	} {
		t.Run(name, func(t *testing.T) {
			got := tried(t, &c.engine, c.sql)
			if got.Passed != (c.code == "") {
				t.Fatalf("passed %v: %v", got.Passed, got.Findings)
			}
			if c.code != "" && got.Findings[0].Code != c.code {
				t.Fatalf("findings %v, want %s", got.Findings, c.code)
			}
			text := got.Markdown()
			if c.code == "" && (!strings.Contains(text, "exactly the rows that are theirs") || got.Features.Most != 6 || got.Features.Touched != 3 || got.Features.Rows != 9) {
				t.Fatalf("%+v\n%s", got.Features, text)
			}
		})
	}
}

// What goes wrong in the engine is no finding.
func TestFeaturesThatCannotBeTried(t *testing.T) {
	r := &rowsOf{rows: []int{1}}
	broken := errors.New("broken")
	catalog, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	tpl, err := catalog.FindFeatures("F1")
	if err != nil {
		t.Fatal(err)
	}
	_, err = Certify(t.Context(), tpl, Options{
		Catalog: catalog, Rows: brokenRows{r, broken}, Prove: duckdb.Prove,
		Population: Population{Source: queries.Source{MaxRows: 100}, People: 1, Only: r.only},
	})
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
}

type brokenRows struct {
	*rowsOf
	err error
}

func (b brokenRows) People(context.Context, queries.FeatureJob, func([]queries.PersonRow) error) error {
	return b.err
}
