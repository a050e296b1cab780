//go:build duckdb_arrow

package certify

import (
	"slices"
	"testing"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/duckdb"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// No template of the catalogue declares more than it reads.
func TestCatalogueReadsWhatItDeclares(t *testing.T) {
	catalog, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, tpl := range slices.Concat(catalog.Templates(), catalog.FeatureTemplates()) {
		c := &Certificate{}
		if err := c.unread(tpl, Options{Prove: duckdb.Prove}); err != nil {
			t.Fatal(err)
		}
		for _, f := range c.Findings {
			t.Errorf("%s: %s", tpl.Ref(), f.Text)
		}
	}
}
