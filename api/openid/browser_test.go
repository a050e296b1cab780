package openid

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/api/console"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// pages is a site with the console, under a policy that knows insurer-a.
func pages(t *testing.T) *site {
	t.Helper()
	catalog, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	var offers []policy.Offer
	for _, x := range catalog.Templates() {
		offers = append(offers, policy.Offer{Template: x.Ref(), Audiences: x.Audiences, Purposes: x.Purposes})
	}
	rules, err := policy.Parse("policy.yaml", policy.Evaluation(policy.EvaluationOptions{
		Population: "city", PublicPeople: 500_000, PublicWindow: "2016-01-01..2025-12-31", Offers: offers, Until: time.Now().AddDate(1, 0, 0),
	}))
	if err != nil {
		t.Fatal(err)
	}
	// A browser takes localhost and the provider's 127.0.0.1 for different sites.
	return newSiteAt(t, "localhost", api.Options{Policy: rules, Console: func(h *api.Host) (http.Handler, error) {
		return console.New(h, console.Options{
			Service: nobody{}, Catalog: catalog, Policy: func() *policy.Policy { return rules },
			Past:    func(string, int) []ledger.Request { return nil },
			Charged: func(int64) (ledger.Request, bool) { return ledger.Request{}, false },
			Trace:   func(string) (ledger.Trace, bool) { return ledger.Trace{}, false },
			Handed:  func(string, string) bool { return false },
		})
	}})
}

// Somebody who is sent to a page of the console signs in at the provider, whose site is
// another, and is then at that page with a session; a reload keeps it, signing out ends it.
func TestBrowserSignsInAtProvider(t *testing.T) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		absent(t, "there is no chromium here to sign in with")
	}
	s := pages(t)
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path))
	if os.Geteuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	bounded, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	alloc, stop := chromedp.NewExecAllocator(bounded, options...)
	defer stop()
	b, end := chromedp.NewContext(alloc, chromedp.WithErrorf(func(string, ...any) {}))
	defer end()
	if err := chromedp.Run(b); err != nil { // the browser lives as long as this context
		t.Fatal(err)
	}
	journey, cancel := context.WithTimeout(b, 90*time.Second)
	defer cancel()
	var there, again string
	err = chromedp.Run(journey,
		chromedp.Navigate(s.url+"/console/templates/claim-severity@1.1.0"),
		chromedp.Click(`a[href^="/session/start"]`),
		chromedp.WaitVisible(`input[name=login]`), chromedp.SendKeys(`input[name=login]`, "bob"), chromedp.SendKeys(`input[name=password]`, "x\n"),
		chromedp.WaitReady(`input[name=prompt][value=consent]`), chromedp.Click(`button[type=submit]`),
		chromedp.WaitVisible(`nav.parts`), chromedp.Location(&there),
		chromedp.Reload(), chromedp.WaitVisible(`nav.parts`), chromedp.Text(`.who`, &again),
		chromedp.Click(`form[action="/console/sign-out"] button`), chromedp.WaitVisible(`#token`),
	)
	if err != nil {
		var where, text string
		_ = chromedp.Run(b, chromedp.Location(&where), chromedp.OuterHTML("body", &text))
		t.Fatalf("%v at %s:\n%s", err, where, text)
	}
	if there != s.url+"/console/templates/claim-severity@1.1.0" {
		t.Errorf("after signing in at %s", there)
	}
	if !strings.Contains(again, "insurer-a") {
		t.Errorf("after a reload: %q", again)
	}
}
