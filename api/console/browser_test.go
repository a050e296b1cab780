package console

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	downloads "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// absent skips, unless QUNXIANG_NO_SKIP says that nothing may be absent.
func absent(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("QUNXIANG_NO_SKIP") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// chromium is a browser of the tests. QUNXIANG_SHOTS names a folder for pictures of pages.
type chromium struct {
	t     *testing.T
	ctx   context.Context
	base  string
	axe   string
	mu    sync.Mutex
	wrong []string
	quiet bool // complaints are part of the test
}

// look is how a page is looked at.
type look struct {
	name, lang, scheme string
	width, height      int64
}

// looks are all of them with QUNXIANG_LONG, else so many of the first.
func looks(most int) []look {
	if os.Getenv("QUNXIANG_LONG") != "" {
		return allLooks
	}
	return allLooks[:most]
}

var allLooks = []look{
	{"light-en", "en", "light", 1280, 900}, {"dark-zh", "zh-CN", "dark", 1280, 900},
	{"phone-zh", "zh-CN", "light", 390, 844}, {"phone-dark-en", "en", "dark", 390, 844},
}

func startChromium(t *testing.T, base string) *chromium {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		absent(t, "there is no chromium here to look at pages with")
	}
	axe, err := os.ReadFile("testdata/axe/node_modules/axe-core/axe.min.js")
	if err != nil {
		absent(t, "the accessibility check is not installed: npm ci --prefix api/console/testdata/axe")
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	bounded, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	alloc, stop := chromedp.NewExecAllocator(bounded, options...)
	ctx, end := chromedp.NewContext(alloc, chromedp.WithErrorf(func(string, ...any) {})) // of events that are newer than the library
	t.Cleanup(func() {
		_ = chromedp.Cancel(ctx) // waits for the browser's end
		end()
		stop()
		cancel()
	})
	if err := chromedp.Run(ctx); err != nil { // the browser lives as long as this context
		t.Fatal(err)
	}
	c := &chromium{t: t, ctx: ctx, base: base, axe: string(axe)}
	chromedp.ListenTarget(ctx, c.listen)
	return c
}

// listen notes everything that a page complains of.
func (c *chromium) listen(event any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.quiet {
		return
	}
	switch e := event.(type) {
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError || e.Entry.Level == log.LevelWarning {
			c.wrong = append(c.wrong, e.Entry.Text+" "+e.Entry.URL)
		}
	case *runtime.EventExceptionThrown:
		c.wrong = append(c.wrong, e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning {
			c.wrong = append(c.wrong, fmt.Sprint("console: ", e.Type))
		}
	}
}

func (c *chromium) run(what string, actions ...chromedp.Action) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, 45*time.Second)
	defer cancel()
	if err := chromedp.Run(ctx, actions...); err != nil {
		var where, text string
		again, cancel := context.WithTimeout(c.ctx, 5*time.Second)
		defer cancel()
		_ = chromedp.Run(again, chromedp.Location(&where), chromedp.Text("main", &text)) // to say more
		c.t.Fatalf("%s: %v at %s:\n%s", what, err, where, text)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.wrong {
		c.t.Errorf("%s: the page complains: %s", what, w)
	}
	c.wrong = nil
}

// quietly is run where the server is to refuse something, which a browser complains of.
func (c *chromium) quietly(what string, actions ...chromedp.Action) {
	c.t.Helper()
	hush := func(on bool) {
		c.mu.Lock()
		c.quiet = on
		c.mu.Unlock()
	}
	hush(true)
	defer hush(false)
	c.run(what, actions...)
}

// as is a look at pages from now on.
func (c *chromium) as(l look) {
	c.t.Helper()
	c.run("look", network.ClearBrowserCookies(), network.SetExtraHTTPHeaders(network.Headers{"Accept-Language": l.lang}),
		emulation.SetDeviceMetricsOverride(l.width, l.height, 1, l.width < 500),
		emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.scheme}}))
}

func (c *chromium) signIn(token string) {
	c.t.Helper()
	c.run("sign in", log.Enable(), runtime.Enable(), chromedp.Navigate(c.base+"/console/sign-in"), chromedp.SendKeys("#token", token+"\n"), chromedp.WaitVisible("nav.parts"))
}

// seen checks the page that is open, and keeps a picture of it where that is wanted.
func (c *chromium) seen(l look, name string) {
	c.t.Helper()
	var found string
	var overflow bool
	c.run(name, chromedp.Evaluate(c.axe, nil), chromedp.Evaluate(`axe.run(document,{resultTypes:["violations"]}).then(r=>JSON.stringify(r.violations.map(v=>({id:v.id,help:v.help,nodes:v.nodes.slice(0,4).map(n=>n.html.slice(0,160)+" "+n.failureSummary)}))))`, &found,
		func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }),
		chromedp.Evaluate(`document.documentElement.scrollWidth > document.documentElement.clientWidth`, &overflow))
	var violations []struct {
		ID, Help string
		Nodes    []string
	}
	if err := json.Unmarshal([]byte(found), &violations); err != nil {
		c.t.Fatal(err)
	}
	for _, v := range violations {
		c.t.Errorf("%s %s: %s (%s)\n  %s", l.name, name, v.Help, v.ID, strings.Join(v.Nodes, "\n  "))
	}
	if overflow {
		c.t.Errorf("%s %s: the page is wider than the window", l.name, name)
	}
	if folder := os.Getenv("QUNXIANG_SHOTS"); folder != "" {
		var picture []byte
		c.run(name, chromedp.FullScreenshot(&picture, 100))
		if err := os.WriteFile(filepath.Join(folder, l.name+"-"+name+".png"), picture, 0o644); err != nil {
			c.t.Fatal(err)
		}
	}
}

// holdBack keeps prices from the page until letThrough is called.
const holdBack = `(() => {
  const real = window.fetch;
  window.letThrough = null;
  const gate = new Promise((open) => { window.letThrough = () => { open(); }; });
  window.fetch = async (...all) => { await gate; return real(...all); };
})()`

// TestBrowserJourney is an actuary's way: sign in, find a question, see its price change
// while it is typed, ask, wait, and have the answer without touching anything.
func TestBrowserJourney(t *testing.T) {
	s, d := site(t)
	c := startChromium(t, s.URL)
	for _, l := range looks(2) {
		c.as(l)
		c.run("sign-in page", log.Enable(), chromedp.Navigate(s.URL+"/console/sign-in"))
		c.seen(l, "signin")
		c.signIn("token-a")
		c.seen(l, "home")
		c.run("search", chromedp.Navigate(s.URL+"/console/templates"), chromedp.SendKeys("#q", "I3\n"), chromedp.WaitVisible(`#q[value="I3"]`))
		c.seen(l, "catalogue")
		c.run("template", chromedp.Click(`a[href*="claim-severity"]`), chromedp.WaitVisible(`#price .price`))
		c.seen(l, "template")
		before := len(d.asked)
		var stale string
		c.run("hold the price back", chromedp.Evaluate(holdBack, nil), chromedp.SendKeys(`[name="percent"]`, "2"), chromedp.Value(`[name="max_rho"]`, &stale))
		if stale != "" {
			t.Errorf("a form that was changed agrees to %q", stale)
		}
		c.run("price again", chromedp.Evaluate(`letThrough()`, nil), chromedp.Poll(`document.querySelector("[name=max_rho]").value !== ""`, nil))
		c.run("ask", chromedp.Click(`.buy button:not([formaction])`), chromedp.WaitVisible(`[data-events]`))
		if len(d.asked) != before+1 {
			t.Fatalf("%d charges", len(d.asked)-before)
		}
		c.seen(l, "waiting")
		for _, turn := range []struct {
			event string
			open  int64
		}{{"pagehide", 0}, {"pageshow", 1}} { // left, and come back to from the browser's memory
			c.run(turn.event, chromedp.Evaluate(`window.dispatchEvent(new PageTransitionEvent("`+turn.event+`", { persisted: true }))`, nil))
			for end := time.Now().Add(30 * time.Second); d.waiting.Load() != turn.open && time.Now().Before(end); {
				time.Sleep(20 * time.Millisecond)
			}
			if n := d.waiting.Load(); n != turn.open {
				t.Errorf("after %s the page has %d streams open", turn.event, n)
			}
		}
		var where string
		c.run("where", chromedp.Location(&where))
		d.release(where[strings.LastIndexByte(where, '/')+1:], severity())
		c.run("answer", chromedp.WaitVisible(`#picture svg`))
		c.seen(l, "answer")
		c.run("verify", chromedp.Click(`a[href$="/verify"]`), chromedp.WaitVisible(`.verdict.good`))
		c.seen(l, "verify")
		c.run("history", chromedp.Navigate(s.URL+"/console/requests"), chromedp.WaitVisible("table"))
		c.seen(l, "history")
		c.run("budgets", chromedp.Navigate(s.URL+"/console/budgets"), chromedp.WaitVisible(".cards"))
		c.seen(l, "budgets")
	}
}

// download clicks on what a page offers and gives what came.
func (c *chromium) download(what, link string) []byte {
	c.t.Helper()
	folder, done := c.t.TempDir(), make(chan string, 1)
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	chromedp.ListenTarget(ctx, func(event any) {
		if e, ok := event.(*downloads.EventDownloadProgress); ok && e.State != downloads.DownloadProgressStateInProgress {
			select {
			case done <- e.GUID:
			default:
			}
		}
	})
	c.run(what, downloads.SetDownloadBehavior(downloads.SetDownloadBehaviorBehaviorAllowAndName).WithDownloadPath(folder).WithEventsEnabled(true), chromedp.Click(link))
	select {
	case name := <-done:
		got, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			c.t.Fatalf("%s: %v", what, err)
		}
		return got
	case <-time.After(45 * time.Second):
		c.t.Fatalf("%s: nothing came", what)
	}
	return nil
}

// pictureSaid is what of a picture is there for whoever does not see it: words, and rows of
// numbers with their intervals.
const pictureSaid = `[...document.querySelectorAll("#picture figure")].map((figure) => {
  const svg = figure.querySelector("svg[role=img]");
  const words = svg.getAttribute("aria-labelledby").split(" ").map((id) => document.getElementById(id).textContent.trim());
  const rows = [...figure.querySelectorAll("details tbody tr")].filter((row) => row.querySelector("td.number small"));
  return words.every((word) => word !== "") ? rows.length : -1;
})`

// TestBrowserAnalyst is the way of a pharma analyst, to a curve and to paths of treatment:
// the catalogue, a price, the wait, picture and numbers, the receipt, and the file.
func TestBrowserAnalyst(t *testing.T) {
	s, d := site(t)
	c := startChromium(t, s.URL)
	for _, l := range looks(2) {
		c.as(l)
		c.signIn("token-b")
		for _, q := range []struct {
			catalogue, pick, drawn string
			answer                 func() *queries.Release
			drawings, numbers      int
		}{
			{"P5", `[name="p.codes"]`, "path.band, path.curve", persistence, 4, 26}, // two groups of thirteen months
			{"P7", `[name="p.classes"]`, "path.flow", flows, 3, 5},
		} {
			c.run("catalogue", chromedp.Navigate(s.URL+"/console/templates"), chromedp.SendKeys("#q", q.catalogue+"\n"), chromedp.WaitVisible(`#q[value="`+q.catalogue+`"]`))
			c.seen(l, q.catalogue+"-catalogue")
			c.run("template", chromedp.Click(`ul.catalogue a.card`), chromedp.WaitVisible(`#price .price`))
			var code string
			c.run("question", chromedp.Text("h1 .code", &code), chromedp.Click(q.pick), chromedp.Poll(`document.querySelector("[name=max_rho]").value !== ""`, nil))
			if code != q.catalogue {
				t.Fatalf("%s is the page of %s", q.catalogue, code)
			}
			c.seen(l, q.catalogue+"-template")
			before := len(d.asked)
			c.run("ask", chromedp.Click(`.buy button:not([formaction])`), chromedp.WaitVisible(`[data-events]`))
			if len(d.asked) != before+1 {
				t.Fatalf("%d charges", len(d.asked)-before)
			}
			c.seen(l, q.catalogue+"-waiting")
			var where string
			c.run("where", chromedp.Location(&where))
			d.release(where[strings.LastIndexByte(where, '/')+1:], q.answer())
			var drawings int
			var said []int
			c.run("answer", chromedp.WaitVisible(`#picture svg`), chromedp.Evaluate(`document.querySelectorAll("#picture svg").length && document.querySelectorAll(`+fmt.Sprintf("%q", q.drawn)+`).length`, &drawings), chromedp.Evaluate(pictureSaid, &said), chromedp.Click("#picture summary"))
			if drawings != q.drawings || len(said) != 1 || said[0] != q.numbers {
				t.Errorf("%s %s: %d curves or flows, and %v numbers in words", l.name, q.catalogue, drawings, said)
			}
			c.seen(l, q.catalogue+"-answer")
			if got := c.download("file", `a[href$=".xlsx"]`); !strings.HasPrefix(string(got), "PK") {
				t.Errorf("%s %s: the workbook is %d bytes of something else", l.name, q.catalogue, len(got))
			}
			c.run("verify", chromedp.Click(`a[href$="/verify"]`), chromedp.WaitVisible(`.verdict.good`))
			c.seen(l, q.catalogue+"-verify")
		}
	}
}

// TestBrowserPhone looks on a telephone at what a grant allows, at answers that were given
// again or are deleted, and at a budget that does not suffice.
func TestBrowserPhone(t *testing.T) {
	s, d := site(t, withQuota(0.05))
	gone := d.add("insurer-a", severity()).ID
	d.deleted[gone] = ledger.Deletion{Leaf: 1234, Time: noon.AddDate(0, 7, 0), Approvals: 2}
	again, _ := d.charged(0)
	d.repeats = append(d.repeats, ledger.Trace{ID: "q-again", By: "insurer-a", Time: noon, Purpose: "health-management", Replay: true, Request: again})
	c := startChromium(t, s.URL)
	for _, l := range allLooks[2:] {
		c.as(l)
		c.signIn("token-a")
		c.run("grants", chromedp.Navigate(s.URL+"/console/budgets"), chromedp.WaitVisible(".cards details summary"), chromedp.Click(".cards details summary"))
		c.seen(l, "grants")
		c.run("history", chromedp.Navigate(s.URL+"/console/requests"), chromedp.WaitVisible(".state.deleted"))
		c.seen(l, "history-whole")
		c.run("deleted", chromedp.Navigate(s.URL+"/console/requests/"+gone), chromedp.WaitVisible(`a[href$="/verify"]`))
		c.seen(l, "deleted")
		c.run("found", chromedp.Navigate(s.URL+"/console/templates?q=A10BA02"), chromedp.WaitVisible("mark"))
		c.seen(l, "found")
		d.err = &ledger.BudgetError{Scope: "city/2025", Left: dp.Cost{Rho: 12_500_000_000}}
		c.quietly("exhausted", chromedp.Navigate(s.URL+"/console/templates/I3"), chromedp.WaitVisible("[name=percent]"), chromedp.SendKeys(`[name="percent"]`, "2"), chromedp.WaitVisible(`#price [role="alert"]`))
		d.err = nil
		c.seen(l, "exhausted")
	}
}

// TestBrowserPictures looks at every kind of picture, in every look.
func TestBrowserPictures(t *testing.T) {
	s, d := site(t)
	ids := map[string]string{}
	for _, name := range sorted(releases) {
		ids[name] = d.add("insurer-a", releases[name]()).ID
	}
	c := startChromium(t, s.URL)
	for _, l := range looks(1) {
		c.as(l)
		c.signIn("token-a")
		for _, name := range sorted(ids) {
			c.run(name, chromedp.Navigate(s.URL+"/console/requests/"+ids[name]), chromedp.WaitVisible("#picture svg"))
			c.seen(l, "picture-"+name)
		}
	}
}

// TestBrowserAuthority looks at the pages of regulator and steward.
func TestBrowserAuthority(t *testing.T) {
	s, d := site(t)
	theirs := d.add("insurer-a", severity())
	c := startChromium(t, s.URL)
	for _, l := range looks(1) {
		c.as(l)
		c.signIn("token-r")
		c.seen(l, "regulator")
		d.mu.Lock()
		clear(d.handed)
		d.mu.Unlock()
		c.run("release of another", chromedp.Navigate(s.URL+"/console/requests/"+theirs.ID), chromedp.WaitVisible(`form[action$="`+theirs.ID+`"]`))
		c.seen(l, "handover")
		c.run("approvals", chromedp.Navigate(s.URL+"/console/approvals"), chromedp.WaitVisible("ul.catalogue"))
		c.seen(l, "approvals")
		c.run("log", chromedp.Navigate(s.URL+"/console/log"), chromedp.WaitVisible(".story"))
		c.seen(l, "log")
		c.run("verify", chromedp.ActionFunc(func(ctx context.Context) error { // an earlier report may be there
			_, err := chromedp.RunResponse(ctx, chromedp.Click(`form[action="/console/log/verify"] button`))
			return err
		}), chromedp.WaitVisible(".verdict"))
		c.seen(l, "log-verified")
		c.as(l)
		c.signIn("token-s")
		for _, name := range []string{"steward", "training"} {
			c.run(name, chromedp.Navigate(s.URL+"/console/"+name), chromedp.WaitVisible("h1"))
			c.seen(l, name)
		}
	}
}
