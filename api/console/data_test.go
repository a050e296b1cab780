package console

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/qunxiang/qunxiang/api/federation"
	"github.com/qunxiang/qunxiang/policy/ledger"
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

func (facts) Importing() (*Import, error) {
	return &Import{Binding: "omop", By: "steward-s", Begun: noon.Add(-time.Hour), At: noon, Stage: "map", Name: "settlement", Done: 2, Total: 7654}, nil
}

// breaks is a domain whose last import was broken off, and reads the way it was.
type breaks struct{ facts }

func (breaks) Importing() (*Import, error) {
	return &Import{Binding: "omop", By: "steward-s", Begun: noon.Add(-time.Hour), At: noon, Stage: "read", Name: "setl_d.csv", Total: 3, Broken: true}, nil
}

// idle is one in which no import is under way.
type idle struct{ facts }

func (idle) Importing() (*Import, error) { return nil, nil }

func insideFacts(o *Options) {
	o.Inside = facts{}
	o.Running = func() []ledger.Request {
		return []ledger.Request{{Charge: ledger.Charge{ID: "q-1", Principal: "insurer-a", Organisation: "Insurer North", Template: "claim-severity@1.1.0", Due: noon.Add(77 * time.Second)}, Time: noon.Add(-5 * time.Second), Release: -1}}
	}
}

// TestProgressStaysInside: how far a load is, and which runs are under way, a steward sees on
// the domain's own listener and nobody anywhere else.
func TestProgressStaysInside(t *testing.T) {
	const path = "/console/data/running"
	clients, internal, _ := listeners(t, insideFacts)
	for _, token := range []string{"token-a", "token-b", "token-r", "token-n"} {
		for name, s := range map[string]*httptest.Server{"inside": internal, "clients": clients} {
			b := signedIn(t, s, token, "en")
			if p := b.get(path); p.status != http.StatusNotFound || p.body != b.get("/console/nowhere").body {
				t.Errorf("%s, %s: the page of what goes on is %d", token, name, p.status)
			}
			for _, other := range []string{"/console/", "/console/budgets", "/console/log", "/console/training"} {
				if p := b.get(other); strings.Contains(p.body, "7,654") || strings.Contains(p.body, "Insurer North") {
					t.Errorf("%s, %s: %s says what goes on", token, name, other)
				}
			}
		}
	}
	b := signedIn(t, clients, "token-s", "en")
	if p := b.get(path); p.status != http.StatusNotFound || p.body != b.get("/console/nowhere").body {
		t.Errorf("the clients' listener has the page of what goes on: %d", p.status)
	}
	for lang, want := range map[string][]string{
		"en": {"mapping tables", "Settlements", "3 of 7,654", "31 January 2026 19:00:00", "omop", "Claim severity", "Insurer North", "31 January 2026 20:01:17", `data-again="5"`, `http-equiv="refresh"`},
		"zh": {"映射各表", "结算", "第 3 步，共 7,654 步", "次均费用", "2026年1月31日 20:01:17"},
	} {
		b := signedIn(t, internal, "token-s", lang)
		p := b.get(path)
		p.check(t, "running")
		for _, w := range want {
			if !strings.Contains(p.body, w) {
				t.Errorf("%s: the page has no %q", lang, w)
			}
		}
		if strings.Contains(p.body, "q-1") || strings.Contains(p.body, "Broken off") {
			t.Errorf("%s: the page tells more than it should", lang)
		}
		if p := b.get("/console/data"); !strings.Contains(p.body, `href="`+path+`"`) {
			t.Error("the page about the data does not lead to what goes on")
		}
	}
	for want, in := range map[string]Inside{"Broken off at 31 January 2026 20:00:00 or soon after": breaks{}, "No load is under way.": idle{}} {
		_, internal, _ := listeners(t, func(o *Options) { o.Inside = in })
		if p := signedIn(t, internal, "token-s", "en").get(path); !strings.Contains(p.body, want) || !strings.Contains(p.body, "<p>None.</p>") {
			t.Errorf("the page does not say %q", want)
		}
	}
}

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
	for _, want := range []string{`<th scope="row">pharma-b</th>`, "Claim severity", "not for this role", `<td class="number">1</td>`} {
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
		c.run("running", chromedp.Click(`main a[href="/console/data/running"]`), chromedp.WaitVisible("#running-now progress"))
		c.seen(l, "running")
	}
}
