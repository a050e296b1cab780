package console

import (
	"maps"
	"strings"
	"testing"

	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/certify"
	"github.com/qunxiang/qunxiang/queries/templates"
)

func recorded(t *testing.T) (map[string]*certify.Certificate, *queries.Catalog) {
	t.Helper()
	found, err := certify.Recorded(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	return found, catalog
}

// Every question of the catalogue carries what certification found of exactly its files,
// and its page says so in both languages.
func TestPagesShowCertificates(t *testing.T) {
	found, catalog := recorded(t)
	for _, tpl := range append(catalog.Templates(), catalog.FeatureTemplates()...) {
		c := found[tpl.Digest()]
		if c == nil || !c.Passed || c.Template != tpl.Ref() {
			t.Errorf("nothing is recorded of %s: certify the catalogue again with --record", tpl.Ref())
		} else if tpl.Features == nil && len(c.Variants) == 0 {
			t.Errorf("no variant of %s is recorded", tpl.Ref())
		}
	}
	s, _ := site(t)
	for lang, want := range map[string][]string{
		"en": {"Finer and coarser groups alike", "each value within 0 to 200,000 yuan", "a person&#39;s total, less 14,000 yuan a row, within", "costs 27.2 % of a year", "125 of them are in the answer", "31.7 % of what is charged", "<td>± 700 yuan</td>", "<td>100.0 %</td>", "Kind of care: all"},
		"zh": {"较细与较粗的分组相同", "每个值限于", "需要一年预算的 27.2 %", "125 人进入结果", "<td>± 700 元</td>"},
	} {
		p := signedIn(t, s, "token-a", lang).get("/console/templates/claim-severity@1.1.0")
		for _, w := range want {
			if !strings.Contains(p.body, w) {
				t.Errorf("%s: the page has no %q", lang, w)
			}
		}
		p.check(t, lang)
	}
}

// A certificate stands for the files it was made of: a template of that name with another
// digest has none.
func TestCertificateIsOfItsFiles(t *testing.T) {
	found, catalog := recorded(t)
	tpl, err := catalog.Find("I3")
	if err != nil {
		t.Fatal(err)
	}
	others := maps.Clone(found)
	delete(others, tpl.Digest())
	v := &view{c: &console{Options: Options{Certificates: others}}}
	if c := v.certificate(tpl); c != nil {
		t.Errorf("it shows the certificate of %s", c.Digest)
	}
}
