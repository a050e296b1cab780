package console

import (
	"context"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/qunxiang/qunxiang/api/federation"
	"github.com/qunxiang/qunxiang/queries/dataset"
)

// facts are of a domain with one load, one that waits, one that cannot be read, 17 opt-outs and two nodes.
type facts struct{}

func (facts) Loads() ([]Load, error) {
	return []Load{{By: "steward-t", Waits: strings.Repeat("6", 64), Manifest: dataset.Manifest{ID: strings.Repeat("4", 64), Binding: "national-b", Created: "2026-01-31", People: 1_111}, Quality: &dataset.Quality{}}, {
		By: "steward-t", Manifest: dataset.Manifest{ID: strings.Repeat("3", 64)},
	}, {By: "steward-s", Manifest: dataset.Manifest{ID: strings.Repeat("5", 64), Binding: "national-a", Created: "2026-01-30", People: 987_654}, Quality: &dataset.Quality{
		Indicators: []dataset.Indicator{
			{Name: "completeness", Value: 99.12, Unit: "%", Limit: 98, Met: true, Measured: true}, {Name: "consistency", Value: 95.5, Unit: "%", Limit: 96, Measured: true},
			{Name: "timeliness", Unit: "min", Limit: 10}, {Name: "accuracy", Value: 0.1, Unit: "%", Limit: 0.5, Met: true, Measured: true},
		},
		Tables: map[string]*dataset.TableCount{"settlement": {Read: 4321, Loaded: 4311, Refunds: 2, Quarantined: map[string]int64{"bad_date": 7, "unknown_person": 1}}},
		Checks: []dataset.Check{{Name: "person = account + cash", Rows: 4311, Held: 4200}}, FaultCount: 1, Faults: []dataset.Fault{{File: "setl_d.csv", Line: 7, Reason: "too few fields"}},
	}}}, nil
}

func (facts) OptOuts() ([]dataset.OptOutDay, int64, error) {
	return []dataset.OptOutDay{{Day: "2026-01-02", People: 12}, {Day: "2026-01-09", People: 5}}, 321, nil
}

func (facts) Enrolments(context.Context) ([]federation.EnrolmentState, bool) {
	return []federation.EnrolmentState{
		{ID: "1", Name: "north", Organisation: "North Mutual", State: federation.Approved, Received: noon, Until: noon.AddDate(1, 0, 0)},
		{ID: "2", Name: "south", Organisation: "South Life", State: federation.Pending, Received: noon, Fingerprint: "ab12cd34"},
	}, true
}

func insideFacts(o *Options) { o.Inside = facts{} }

// TestDataFactsStayInside: the page about the data is a steward's, and on the domain's own
// listener only; everywhere else it is the page of what does not exist, and no figure of it
// is on any page that the clients' listener serves.
func TestDataFactsStayInside(t *testing.T) {
	clients, internal, _ := listeners(t, insideFacts)
	for _, token := range []string{"token-a", "token-b", "token-r", "token-n"} {
		b := signedIn(t, internal, token, "en")
		if p := b.get("/console/data"); p.status != http.StatusNotFound || p.body != b.get("/console/nowhere").body {
			t.Errorf("%s inside: the page about the data is %d", token, p.status)
		}
	}
	b := signedIn(t, clients, "token-s", "en")
	for _, header := range []string{"X-Forwarded-For", "X-Internal", "Forwarded"} {
		r, err := http.NewRequest(http.MethodGet, clients.URL+"/console/data", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(header, "127.0.0.1")
		if p := b.do(r); p.status != http.StatusNotFound || p.body != b.get("/console/nowhere").body {
			t.Errorf("the clients' listener serves the page about the data: %d", p.status)
		}
	}
	for _, path := range []string{"/console/", "/console/steward", "/console/training", "/console/budgets", "/console/log"} {
		p := b.get(path)
		for _, fact := range []string{"987,654", "4,321", "4,311", "bad date", "South Life", "/console/data"} {
			if strings.Contains(p.body, fact) {
				t.Errorf("the clients' listener shows %q on %s", fact, path)
			}
		}
	}
	for lang, want := range map[string][]string{
		"en": {"waits for the approvals of two other people", "cannot be read", "987,654", "99.12 %", "NOT MET", "An official floor is not met", "4,321", "bad date", "setl_d.csv:7", "person = account &#43; cash", `<p class="big">17</p>`, "Epoch 321", "waits for approval", "South Life", "1 January 2027", "Settlements"},
		"zh": {"等待另外两人批准", "无法读取", "987,654", "未达标", "结算", "等待批准", "当前生效期号为 321"},
	} {
		b := signedIn(t, internal, "token-s", lang)
		p := b.get("/console/data")
		p.check(t, "data")
		for _, w := range want {
			if !strings.Contains(p.body, w) {
				t.Errorf("%s: the page has no %q", lang, w)
			}
		}
		for _, once := range []string{`href="/console/steward/proposals/snapshot/` + strings.Repeat("6", 64), "data quality --domain D --snapshot " + strings.Repeat("3", 64)} {
			if strings.Count(p.body, once) != 1 {
				t.Errorf("%s: %q is not there once", lang, once)
			}
		}
		if strings.Contains(p.body, "ab12cd34") {
			t.Error("the page shows the fingerprint that an operator is to tell")
		}
		if p := b.get("/console/steward"); !strings.Contains(p.body, `href="/console/data"`) {
			t.Error("the steward's page does not lead to that about the data")
		}
	}
}

// Inside as outside a visitor signs in, and the other pages are the same.
func TestInsideWantsSignIn(t *testing.T) {
	_, internal, _ := listeners(t, insideFacts)
	b := newBrowser(t, internal, "en")
	for _, path := range []string{"/", "/console/data", "/console/steward"} {
		if p := b.get(path); !strings.HasPrefix(p.path, "/console/sign-in") {
			t.Errorf("%s ended at %s", path, p.path)
		}
	}
	if p := b.get("/v1/templates"); p.status != http.StatusUnauthorized { // what pages lead to asks too
		t.Errorf("the API on the internal listener: %d", p.status)
	}
}

// TestRefusalsAreCounted: a steward sees who was refused what, by which rule.
func TestRefusalsAreCounted(t *testing.T) {
	s, _ := site(t)
	p := signedIn(t, s, "token-s", "en").get("/console/steward")
	for _, want := range []string{`<th scope="row">pharma-b</th>`, "Claim severity", "<code>audience</code>", `<td class="number">1</td>`} {
		if !strings.Contains(p.body, want) {
			t.Errorf("the page has no %q", want)
		}
	}
}

// Words in files of their own hide no other's.
func TestWordsAreThereOnce(t *testing.T) {
	for name, parts := range map[string][]map[string]string{"english.go": {trainingEnglish, dataEnglish, approvalEnglish}, "chinese.go": {trainingChinese, dataChinese, approvalChinese}} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, m := range regexp.MustCompile(`(?m)^\t"([^"]+)":`).FindAllStringSubmatch(string(text), -1) {
			seen[m[1]] = true
		}
		if len(seen) < 300 {
			t.Fatalf("only %d words were found in %s", len(seen), name)
		}
		for _, part := range parts {
			for key := range part {
				if seen[key] {
					t.Errorf("%s: %q is there twice", name, key)
				}
				seen[key] = true
			}
		}
	}
}

// TestBrowserSteward is a steward's way inside: what waits, what was refused, then the loads,
// opt-outs and nodes.
func TestBrowserSteward(t *testing.T) {
	_, internal, _ := listeners(t, insideFacts)
	c := startChromium(t, internal.URL)
	for _, l := range looks(2) {
		c.as(l)
		c.signIn("token-s")
		c.run("steward", chromedp.Click(`nav a[href="/console/steward"]`), chromedp.WaitVisible(`main a[href="/console/data"]`))
		c.seen(l, "steward-inside")
		c.run("data", chromedp.Click(`main a[href="/console/data"]`), chromedp.WaitVisible("article.load"), chromedp.Click("details:not([open]) summary"))
		c.seen(l, "data")
	}
}
