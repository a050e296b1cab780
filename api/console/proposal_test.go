package console

import (
	"html"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/chromedp/chromedp"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// pairs is a catalogue with two versions of one question, of which one is
// certified.
func pairs(t *testing.T) *queries.Catalog {
	t.Helper()
	files := fstest.MapFS{}
	put := func(name, text string) { files[name] = &fstest.MapFile{Data: []byte(text)} }
	for _, name := range []string{"claim-severity.yaml", "claim-severity.sql", "claim-frequency-features.yaml", "claim-frequency-features.sql", "certified.txt"} {
		text, err := os.ReadFile("../../queries/templates/" + name)
		if err != nil {
			t.Fatal(err)
		}
		put(name, string(text))
	}
	lists, err := os.ReadDir("../../queries/templates/codelists")
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range lists {
		text, err := os.ReadFile("../../queries/templates/codelists/" + l.Name())
		if err != nil {
			t.Fatal(err)
		}
		put("codelists/"+l.Name(), string(text))
	}
	put("claim-severity@1.0.0.yaml", strings.Replace(string(files["claim-severity.yaml"].Data), "version: 1.1.0", "version: 1.0.0", 1))
	put("claim-severity@1.0.0.sql", "-- as it was <once>\n"+string(files["claim-severity.sql"].Data))
	c, err := queries.LoadCatalog(files)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// listed are proposals as they are given.
type listed struct {
	approvals
	all []api.Proposal
}

func (l listed) Proposals(string) (api.ProposalList, error) {
	return api.ProposalList{Proposals: l.all}, nil
}

// An approver of a template reads both of its files as they were certified, beside the version
// that was approved last; of a digest that is not theirs nothing is shown in their place.
func TestTemplateProposalShowsItsFiles(t *testing.T) {
	catalog := pairs(t)
	find := func(ref string) *queries.Template {
		x, err := catalog.Find(ref)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	newer, older := find("claim-severity@1.1.0"), find("claim-severity@1.0.0")
	features, err := catalog.FindFeatures("claim-frequency-features")
	if err != nil {
		t.Fatal(err)
	}
	proposal := func(x *queries.Template, digest string) api.Proposal {
		return api.Proposal{Subject: ledger.SubjectTemplate, Name: x.Ref(), Detail: x.Title.EN, Digest: digest}
	}
	other := strings.Repeat("9", 64)
	list := listed{all: []api.Proposal{proposal(newer, newer.Digest()), proposal(older, older.Digest()), proposal(newer, other), proposal(features, features.Digest())}}
	last := ledger.ApprovedTemplate{}
	s, _ := site(t, func(o *Options) {
		o.Catalog, o.Approvals = catalog, list
		o.TemplateBefore = func(id, digest string) (ledger.ApprovedTemplate, bool) {
			return last, last.Name != "" && digest == newer.Digest() && id == "claim-severity"
		}
	})
	for _, token := range []string{"token-s", "token-r"} {
		b := signedIn(t, s, token, "en")
		look := func(x *queries.Template, digest string, want map[string]bool) {
			t.Helper()
			p := b.get("/console/steward/proposals/template/" + digest)
			p.check(t, x.Ref())
			for text, there := range want {
				if strings.Contains(p.body, text) != there {
					t.Errorf("%s: the page of %s has %q: %v", token, x.Ref(), text, !there)
				}
			}
		}
		page := `href="/console/templates/claim-severity@1.1.0"`
		last = ledger.ApprovedTemplate{}
		look(newer, newer.Digest(), map[string]bool{
			html.EscapeString(newer.YAML): true, html.EscapeString(newer.SQL): true, "shown whole": true, "The digest above is of this pair": true, "NOT certified": false, page: true,
		})
		last = ledger.ApprovedTemplate{Name: older.Ref(), Digest: older.Digest()}
		look(newer, newer.Digest(), map[string]bool{"against claim-severity@1.0.0": true, "- -- as it was &lt;once&gt;": true, "&#43; version: 1.1.0": true, "- version: 1.0.0": true, "<once>": false})
		last = ledger.ApprovedTemplate{Name: older.Ref(), Digest: other}
		look(newer, newer.Digest(), map[string]bool{"does not hold: both files are shown whole": true, html.EscapeString(newer.SQL): true})
		look(older, older.Digest(), map[string]bool{"NOT certified": true, html.EscapeString(older.SQL): true})
		look(newer, other, map[string]bool{"holds no template with this name and digest": true, html.EscapeString(newer.SQL): false, page: false})
		look(features, features.Digest(), map[string]bool{html.EscapeString(features.YAML): true, "/console/templates/": false})
	}
}

// TestBrowserProposal looks at what an approver of a template sees.
func TestBrowserProposal(t *testing.T) {
	catalog := pairs(t)
	x, err := catalog.Find("claim-severity@1.1.0")
	if err != nil {
		t.Fatal(err)
	}
	old, err := catalog.Find("claim-severity@1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	s, _ := site(t, func(o *Options) {
		o.Catalog, o.Approvals = catalog, listed{all: []api.Proposal{
			{Subject: ledger.SubjectTemplate, Name: x.Ref(), Detail: x.Title.EN, Digest: x.Digest()},
			{Subject: ledger.SubjectSnapshot, Name: "snapshot " + strings.Repeat("5a", 32), Detail: "loaded by steward-s", Digest: strings.Repeat("6", 64)},
		}}
		o.TemplateBefore = func(string, string) (ledger.ApprovedTemplate, bool) {
			return ledger.ApprovedTemplate{Name: old.Ref(), Digest: old.Digest()}, true
		}
	})
	c := startChromium(t, s.URL)
	for _, l := range allLooks { // names are long, and telephones narrow
		c.as(l)
		c.signIn("token-r")
		c.run("approvals", chromedp.Click(`nav a[href="/console/approvals"]`), chromedp.WaitVisible(`main a[href*="/proposals/template/"]`))
		c.seen(l, "proposals")
		c.run("snapshot", chromedp.Click(`main a[href*="/proposals/snapshot/"]`), chromedp.WaitVisible("main pre"))
		c.seen(l, "proposal-snapshot")
		c.run("proposal", chromedp.Click(`.crumbs a`), chromedp.WaitVisible(`main a[href*="/proposals/template/"]`), chromedp.Click(`main a[href*="/proposals/template/"]`), chromedp.WaitVisible("pre.diff"))
		c.seen(l, "proposal-template")
	}
}
