package console

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
	"pgregory.net/rapid"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/queries"
)

var gap = regexp.MustCompile(`%(\[\d\])?[sd]`)

func TestLanguagesHaveTheSameWords(t *testing.T) {
	for key, text := range english {
		other, ok := chinese[key]
		if !ok {
			t.Errorf("no Chinese text %q", key)
		}
		if a, b := len(gap.FindAllString(text, -1)), len(gap.FindAllString(other, -1)); a != b {
			t.Errorf("%q has %d gaps in English and %d in Chinese", key, a, b)
		}
	}
	if len(chinese) != len(english) {
		t.Errorf("%d English texts, %d Chinese", len(english), len(chinese))
	}
}

// Every word that a page or a handler names is there; those made of parts are tried by
// the pages themselves.
func TestNoWordIsMissing(t *testing.T) {
	named := regexp.MustCompile(`(?:\.T|say\(|\.T\() ?"([^"]+)"\s*([+)]?)`)
	files, _ := filepath.Glob("html/*.html")
	code, _ := filepath.Glob("*.go")
	found := 0
	for _, name := range append(files, code...) {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			if strings.HasSuffix(m[1], " ") {
				continue
			}
			found++
			if _, ok := english[m[1]]; !ok {
				t.Errorf("%s: no text %q", name, m[1])
			}
		}
	}
	if found < 150 {
		t.Fatalf("only %d words were found: the pattern is not that of the pages any more", found)
	}
	for _, list := range [][]string{{"CHARGE", "RELEASE", "REPLAY", "ABANDON", "DENY", "SNAPSHOT", "GRANT", "RESUME", "RESERVE", "CLOSE", "APPROVE", "KEY", "DELETE", "AUDIT"}} {
		for _, kind := range list {
			if _, ok := english["leaf "+kind]; !ok {
				t.Errorf("no word for leaves %s", kind)
			}
		}
	}
}

// bad is what no page may have: anything inline that the policy would have to allow, and
// words or verbs that were not filled in.
var bad = regexp.MustCompile(`(?i)<script(?: [^>]*)?>[^<]|<style| style=|\son[a-z]+="|javascript:|%!|&lt;nil|ZgotmplZ|https?://(?:[^w…]|w[^w])`)

func (p gotPage) check(t *testing.T, what string) {
	t.Helper()
	if len(p.body) > 200<<10 {
		t.Errorf("%s has %d bytes", what, len(p.body))
	}
	text := strings.ReplaceAll(p.body, "http://www.w3.org/2000/svg", "")
	if m := bad.FindString(text); m != "" {
		t.Errorf("%s has %q", what, m)
	}
	if got := p.header.Get("Content-Security-Policy"); got != securityPolicy || strings.Contains(got, "unsafe") {
		t.Errorf("%s may do %q", what, got)
	}
	if got := p.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("%s may be kept: %q", what, got)
	}
	for _, label := range []string{"<h1>", `href="#main"`, `<main id="main"`, "<title>", "UTC&#43;8"} {
		if !strings.Contains(p.body, label) {
			t.Errorf("%s has no %s", what, label)
		}
	}
}

var inside = regexp.MustCompile(`(?:href|action)="(/console/[^"#]*)`)

// TestEveryPageInBothLanguages follows every link of every role.
func TestEveryPageInBothLanguages(t *testing.T) {
	s, d := site(t)
	for _, name := range sorted(releases) {
		d.add("insurer-a", releases[name]())
		d.add("pharma-b", releases[name]())
	}
	d.add("insurer-a", nil)
	for token, least := range map[string]int{"token-a": 40, "token-b": 40, "token-r": 40, "token-s": 40} {
		for _, lang := range []string{"en", "zh"} {
			b := signedIn(t, s, token, lang)
			seen, next := map[string]bool{}, []string{"/console/"}
			for len(next) > 0 {
				path := next[0]
				next = next[1:]
				if seen[path] || strings.Contains(path, "/assets/") {
					continue
				}
				seen[path] = true
				p := b.get(path)
				if p.status == http.StatusNotFound && (strings.Contains(path, "/price") || strings.Contains(path, "sign-out") || strings.HasSuffix(path, "/language") || strings.HasSuffix(path, "/cancel") || strings.HasSuffix(path, "log/verify")) {
					continue // these are posted to
				}
				if p.status != http.StatusOK {
					t.Errorf("%s %s: %s is %d", token, lang, path, p.status)
				}
				p.check(t, lang+" "+path)
				for _, m := range inside.FindAllStringSubmatch(p.body, -1) {
					next = append(next, strings.ReplaceAll(m[1], "&amp;", "&"))
				}
			}
			if len(seen) < least && token != "token-s" {
				t.Errorf("%s saw %d pages only", token, len(seen))
			}
		}
	}
	if d.replays > 0 {
		t.Errorf("looking at pages wrote %d leaves into the log", d.replays)
	}
	if d.early > 0 {
		t.Errorf("%d answers were asked for before they were due", d.early)
	}
}

// TestOthersThingsDoNotExist: what is another's, what a role has not, and what is nowhere
// are one page, byte for byte.
func TestOthersThingsDoNotExist(t *testing.T) {
	s, d := site(t)
	theirs, waiting := d.add("pharma-b", severity()), d.add("pharma-b", nil)
	b := signedIn(t, s, "token-a", "en")
	nowhere := b.get("/console/nowhere")
	if nowhere.status != http.StatusNotFound {
		t.Fatalf("nowhere is %d", nowhere.status)
	}
	for _, path := range []string{
		"/console/requests/" + theirs.ID, "/console/requests/" + waiting.ID, "/console/requests/q-00", "/console/requests/x%00y", "/console/requests/" + theirs.ID + "/verify",
		"/console/log", "/console/log?kind=DENY", "/console/approvals", "/console/steward", "/console/steward/proposals/grant/00", "/console/training", "/console/templates/persistence", "/console/assets/x.css", "/console/templates/none",
	} {
		p := b.get(path)
		if p.status != http.StatusNotFound || p.body != nowhere.body {
			t.Errorf("%s is %d and not the page of what does not exist", path, p.status)
		}
		for name, want := range nowhere.header {
			if got := p.header[name]; name != "Date" && strings.Join(got, ",") != strings.Join(want, ",") {
				t.Errorf("%s: header %s is %v, not %v", path, name, got, want)
			}
		}
	}
	if p := b.post("/console/requests/"+waiting.ID+"/cancel", url.Values{}); p.status != http.StatusNotFound || p.body != nowhere.body {
		t.Errorf("cancelling another's request is %d", p.status)
	}
}

func TestStrangersAreSentToSignIn(t *testing.T) {
	s, d := site(t)
	theirs := d.add("pharma-b", severity())
	for _, path := range []string{"/console/", "/console/nowhere", "/console/requests/" + theirs.ID, "/console/log"} {
		p := newBrowser(t, s, "en").get(path)
		if p.status != http.StatusOK || !strings.HasPrefix(p.path, "/console/sign-in?to=") {
			t.Errorf("%s ended at %d %s", path, p.status, p.path)
		}
		p.check(t, path)
	}
	for _, to := range []string{"//evil.example/", "https://evil.example/", "/console/sign-in", "/v1/session", "\\evil"} {
		b := newBrowser(t, s, "en")
		b.get("/console/sign-in")
		if p := b.post("/console/sign-in", url.Values{"token": {"token-a"}, "to": {to}}); p.path != "/console/" {
			t.Errorf("%q led to %s", to, p.path)
		}
	}
}

func TestSessionCookie(t *testing.T) {
	s, _ := site(t)
	b := newBrowser(t, s, "en")
	b.get("/console/sign-in")
	if p := b.post("/console/sign-in", url.Values{"token": {"wrong"}}); p.status != http.StatusUnauthorized || strings.Contains(p.body, "wrong") {
		t.Errorf("a wrong token is %d", p.status)
	}
	b.c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	p := b.post("/console/sign-in", url.Values{"token": {"token-a"}})
	cookie := p.header.Get("Set-Cookie")
	for _, want := range []string{"qunxiang-session=", "HttpOnly", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(cookie, want) {
			t.Errorf("the session's cookie has no %s: %s", want, cookie)
		}
	}
	if p := b.get("/console/"); p.status != http.StatusOK {
		t.Fatalf("signed in, the overview is %d", p.status)
	}
	b.post("/console/sign-out", url.Values{})
	if p := b.get("/console/"); p.status != http.StatusSeeOther {
		t.Errorf("after signing out the overview is %d", p.status)
	}
}

func TestFormsNeedTheirToken(t *testing.T) {
	s, d := site(t)
	mine := d.add("insurer-a", nil)
	b, other := signedIn(t, s, "token-a", "en"), signedIn(t, s, "token-b", "en")
	theirs := tokenField.FindStringSubmatch(other.get("/console/").body)[1]
	for _, token := range []string{"", "x", theirs} {
		for _, path := range []string{"/console/templates/I3", "/console/templates/I3/price", "/console/requests/" + mine.ID + "/cancel", "/console/sign-out", "/console/sign-in", "/console/language"} {
			if p := b.post(path, url.Values{"form_token": {token}, "token": {"token-a"}}); p.status != http.StatusForbidden {
				t.Errorf("%s with the form token %q is %d", path, token, p.status)
			}
		}
	}
	if len(d.asked) > 0 {
		t.Error("something was asked")
	}
}

func question() url.Values {
	return url.Values{"key": {"once"}, "max_rho": {"0.01"}, "p.window.from": {"2025-01-01"}, "p.window.to": {"2025-12-31"}, "p.region": {"44", "31"}, "p.med_type": {"inpatient"},
		"coarse": {"yes"}, "by": {"relative"}, "measure": {"severity"}, "percent": {"5"}, "people": {"1000"}}
}

func TestAskedTwiceIsChargedOnce(t *testing.T) {
	s, d := site(t)
	b := signedIn(t, s, "token-a", "en")
	first, second := b.post("/console/templates/I3", question()), b.post("/console/templates/I3", question())
	if first.status != http.StatusOK || !strings.HasPrefix(first.path, "/console/requests/q-") || second.path != first.path || len(d.asked) != 1 {
		t.Fatalf("%s, %s and %d charges", first.path, second.path, len(d.asked))
	}
	r := d.asked[0]
	if r.Parameters["window"] != "2025-01-01..2025-12-31" || r.Parameters["region"] != "44,31" || !r.Coarse || r.Accuracy[0] != "severity=5% at 1000" {
		t.Errorf("asked %+v", r)
	}
	changed := question()
	changed.Set("percent", "4")
	if p := b.post("/console/templates/I3", changed); p.path == first.path || len(d.asked) != 2 {
		t.Errorf("a changed form is the same question: %s", p.path)
	}
	if !strings.Contains(first.body, "31 January 2026 20:00:09") || !strings.Contains(first.body, `http-equiv="refresh"`) {
		t.Errorf("the waiting page does not say when:\n%s", first.body)
	}
}

// TestFormIsHeldToItsPrice: what was shown is what is paid, and what was not shown is not.
func TestFormIsHeldToItsPrice(t *testing.T) {
	s, d := site(t)
	b := signedIn(t, s, "token-a", "en")
	shown := regexp.MustCompile(`<input type="hidden" name="max_rho" value="([^"]*)"`)
	if p := b.get("/console/templates/I3"); strings.Contains(p.body, "max_rho") {
		t.Error("a form without a price agrees to one")
	}
	for _, agreed := range []string{"", "x", "NaN", "Inf", "-1", "0", "0.0099"} {
		form := question()
		form.Set("max_rho", agreed)
		p := b.post("/console/templates/I3", form)
		m := shown.FindStringSubmatch(p.body)
		if p.status != http.StatusConflict || len(d.asked) > 0 || m == nil || m[1] != "0.01" || !strings.Contains(p.body, "not yet agreed to") {
			t.Errorf("agreed to %q: %d, %d charges, shown %v", agreed, p.status, len(d.asked), m)
		}
		p.check(t, "price")
	}
	form := question()
	form.Del("max_rho")
	if p := b.post("/console/templates/I3", form); p.status != http.StatusConflict || len(d.asked) > 0 {
		t.Errorf("without a price: %d, %d charges", p.status, len(d.asked))
	}
	priced := b.post("/console/templates/I3/price", question())
	form.Set("max_rho", shown.FindStringSubmatch(priced.body)[1])
	d.mu.Lock()
	d.rho = 0.02 // meanwhile
	d.mu.Unlock()
	if p := b.post("/console/templates/I3", form); p.status != http.StatusConflict || len(d.asked) > 0 || shown.FindStringSubmatch(p.body)[1] != "0.02" {
		t.Errorf("dearer by now: %d, %d charges", p.status, len(d.asked))
	}
	form.Set("max_rho", "0.02")
	if p := b.post("/console/templates/I3", form); p.status != http.StatusOK || len(d.asked) != 1 || d.asked[0].MaxRho != 0.02 {
		t.Errorf("at its price: %d, %+v", p.status, d.asked)
	}
	form.Set("max_rho", "0.5")
	if b.post("/console/templates/I3", form); len(d.asked) != 1 {
		t.Error("the same form with another price is charged again")
	}
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	s, d := site(t)
	d.err = queries.ErrMostlyEmpty
	for lang, want := range map[string][]string{"en": {"mostly empty", "Take coarser groups"}, "zh": {"大部分为空", "较粗的分组"}} {
		b := signedIn(t, s, "token-a", lang)
		p := b.post("/console/templates/I3", question())
		if p.status != http.StatusUnprocessableEntity {
			t.Fatalf("refused with %d", p.status)
		}
		p.check(t, "refusal")
		for _, w := range append(want, `value="2025-01-01"`, `value="44" checked`) {
			if !strings.Contains(p.body, w) {
				t.Errorf("%s: the page has no %q", lang, w)
			}
		}
	}
}

func TestPriceOfAForm(t *testing.T) {
	s, d := site(t)
	b := signedIn(t, s, "token-a", "en")
	p := b.post("/console/templates/I3/price", question())
	for _, want := range []string{"about 80 more questions", "± 1,235 yuan", "230 people", "10 seconds", "For life"} {
		if !strings.Contains(p.body, want) {
			t.Errorf("the price has no %q", want)
		}
	}
	p.check(t, "price")
	if len(d.asked) > 0 {
		t.Error("a price was charged")
	}
}

// TestPriceCountsTheQuota: how many more questions there are is said of what runs out first.
func TestPriceCountsTheQuota(t *testing.T) {
	s, d := site(t)
	for lang, want := range map[string][]string{"en": {"about 3 more questions", "25.0 %", "Quota of the grant g-1"}, "zh": {"3 个", "授权 g-1 的配额"}} {
		d.quota = &queries.QuotaShare{Grant: "g-1", Quota: 0.04, Spent: 0.006, Held: 0.001, Fits: true}
		p := signedIn(t, s, "token-a", lang).post("/console/templates/I3/price", question())
		for _, w := range want {
			if !strings.Contains(p.body, w) {
				t.Errorf("%s: the price has no %q", lang, w)
			}
		}
		d.quota.Quota = 100 // the budgets run out before it
		if p := signedIn(t, s, "token-a", lang).post("/console/templates/I3/price", question()); !strings.Contains(p.body, "80") || strings.Contains(p.body, "g-1") {
			t.Errorf("%s: a large quota is in the way", lang)
		}
	}
}

// TestGivingUpIsExplained: what becomes of an answer that nobody waits for hangs on whether
// it was charged.
func TestGivingUpIsExplained(t *testing.T) {
	s, d := site(t)
	b := signedIn(t, s, "token-a", "en")
	charged, free := d.add("insurer-a", nil), d.add("insurer-a", nil)
	free.Charged = false
	for _, c := range []struct {
		id, before, after string
		goesOn            bool
	}{{charged.ID, "still comes at its time", "the answer comes all the same", true}, {free.ID, "will not be given to you", "will not be given to you; ask again", false}} {
		path := "/console/requests/" + c.id
		if p := b.get(path); !strings.Contains(p.body, c.before) || !strings.Contains(p.body, "is being prepared") {
			t.Errorf("it is not said that %s", c.before)
		}
		p := b.post(path+"/cancel", url.Values{})
		if p.path != path || !strings.Contains(p.body, c.after) || strings.Contains(p.body, "is being prepared") || strings.Contains(p.body, "/cancel") {
			t.Errorf("afterwards at %s it is not said that %s", p.path, c.after)
		}
		if strings.Contains(p.body, "data-events") != c.goesOn || strings.Contains(p.body, `http-equiv="refresh"`) != c.goesOn {
			t.Errorf("%s: the page goes on by itself: %v expected", c.after, c.goesOn)
		}
		p.check(t, "given up")
	}
	d.mu.Lock()
	d.tickets[charged.ID].State, d.tickets[free.ID].State = queries.Abandoned, queries.Abandoned
	d.mu.Unlock()
	if p := b.get("/console/requests/" + free.ID); p.status != http.StatusGone || !strings.Contains(p.body, "Nothing was charged") {
		t.Errorf("a free request that ended is %d", p.status)
	}
	if p := b.get("/console/requests/" + charged.ID); p.status != http.StatusGone || strings.Contains(p.body, "Nothing was charged") {
		t.Errorf("a charged request that ended is %d", p.status)
	}
}

// TestPicturesEscape: whatever stands in a release is text.
func TestPicturesEscape(t *testing.T) {
	s, d := site(t)
	r := severity()
	r.Groups[0].Keys["age"] = `</text><script>alert(1)</script>`
	r.Parameters["window"] = `"><img src=x onerror=alert(1)>`
	mine := d.add("insurer-a", r)
	p := signedIn(t, s, "token-a", "en").get("/console/requests/" + mine.ID)
	if p.status != http.StatusOK || strings.Contains(p.body, "<script>alert") || strings.Contains(p.body, "<img") || !strings.Contains(p.body, "&lt;script&gt;") {
		t.Errorf("%d: a release's text is not escaped", p.status)
	}
}

// TestSuppressedIsSaid: a group that is not shown has no number on the page.
func TestSuppressedIsSaid(t *testing.T) {
	s, d := site(t)
	mine := d.add("insurer-a", severity())
	p := signedIn(t, s, "token-a", "en").get("/console/requests/" + mine.ID)
	for _, want := range []string{"not shown", "3 groups are not shown", "Too few people", "Guangdong", "tertiary", "13,000", "12,400 to 13,600", `role="img"`, "<caption>", `scope="row"`} {
		if !strings.Contains(p.body, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if n := strings.Count(p.body, `class="hidden"`); n != 6 { // in the bars and in the map
		t.Errorf("%d fields of suppressed groups", n)
	}
}

// TestProposalShowsWhatChanges: whoever approves sees each line that goes and comes.
func TestProposalShowsWhatChanges(t *testing.T) {
	s, _ := site(t)
	b := signedIn(t, s, "token-s", "en")
	p := b.get("/console/steward/proposals/grant/" + strings.Repeat("2", 64))
	for _, want := range []string{`<span class="goes">- k_floor: 20`, `<span class="comes">&#43; k_floor: 30`, "steward-s", "bo", "approve sign"} {
		if !strings.Contains(p.body, want) {
			t.Errorf("the page has no %q", want)
		}
	}
	p.check(t, "proposal")
	if p := b.get("/console/"); !strings.Contains(p.body, `<p class="big">2</p>`) {
		t.Error("the overview does not say that two things wait")
	}
}

// TestTheLogIsReadForAllWhoLook: however many budgets and visitors there are, the register is
// folded, and the leaves are looked through for refusals, once in some seconds.
func TestTheLogIsReadForAllWhoLook(t *testing.T) {
	now, tiles := &atomic.Int64{}, &atomic.Int64{}
	var log countedLog
	s, d := site(t, func(o *Options) {
		log = countedLog{o.Published, tiles}
		o.Published, o.Now = log, func() time.Time { return noon.Add(time.Duration(now.Load())) }
	})
	begun := time.Now() // the server's own clock is the machine's
	var all sync.WaitGroup
	for _, token := range []string{"token-s", "token-a", "token-r", "token-s"} {
		b := signedIn(t, s, token, "en")
		all.Go(func() {
			for range 3 {
				p := b.get("/console/budgets")
				if n := strings.Count(p.body, "curve c0"); n != len(d.Budgets()) {
					t.Errorf("%d pictures of budgets", n)
				}
				if p := b.get("/console/steward"); (p.status == http.StatusOK) != (token == "token-s") || token == "token-s" && !strings.Contains(p.body, "not for this role") {
					t.Errorf("%s: the steward's page is %d, or has no refusals", token, p.status)
				}
			}
		})
	}
	all.Wait()
	if most := 1 + int(time.Since(begun)/(5*time.Second)); d.folds < 1 || d.folds > most {
		t.Errorf("the register was folded %d times", d.folds)
	}
	if n := tiles.Load(); n != 1 {
		t.Errorf("the leaves were read %d times", n)
	}
	now.Store(int64(deniedAge))
	if signedIn(t, s, "token-s", "zh").get("/console/steward"); tiles.Load() != 2 {
		t.Error("refusals that are too old are shown")
	}
}

// countedLog counts how often leaves are read.
type countedLog struct {
	api.Log
	tiles *atomic.Int64
}

func (l countedLog) Tile(kind string, t tlog.Tile) ([]byte, error) {
	l.tiles.Add(1)
	return l.Log.Tile(kind, t)
}

// TestApprovalsCanBeReached: whoever may see what waits has a way to it from the first
// page, regulators too, and back from each.
func TestApprovalsCanBeReached(t *testing.T) {
	s, _ := site(t)
	for _, token := range []string{"token-r", "token-s"} {
		b := signedIn(t, s, token, "en")
		if home := b.get("/console/"); strings.Count(home.body, `href="/console/approvals"`) != 2 { // in the card and above
			t.Errorf("%s has no way to the approvals", token)
		}
		path := "/console/steward/proposals/grant/" + strings.Repeat("2", 64)
		if p := b.get("/console/approvals"); p.status != http.StatusOK || !strings.Contains(p.body, path) {
			t.Errorf("%s: the approvals are %d", token, p.status)
		}
		if p := b.get(path); !strings.Contains(p.body, `<a href="/console/approvals">Approvals</a></nav>`) {
			t.Errorf("%s has no way back", token)
		}
	}
	if p := signedIn(t, s, "token-a", "en").get("/console/"); strings.Contains(p.body, "/console/approvals") {
		t.Error("an insurer is sent to the approvals")
	}
}

// TestMapLiesAsItsTable: the first key goes down in both, however many values the second has.
func TestMapLiesAsItsTable(t *testing.T) {
	s, d := site(t)
	r := severity()
	r.Groups = r.Groups[:3] // one age, three levels
	mine := d.add("insurer-a", r)
	p := signedIn(t, s, "token-a", "en").get("/console/requests/" + mine.ID).body
	_, p, _ = strings.Cut(p, "Map: ")
	at := func(label string) (y string) {
		m := regexp.MustCompile(`<text x="[^"]*" y="([^"]*)"[^>]*>` + label + "<").FindStringSubmatch(p)
		if m == nil {
			t.Fatalf("the map has no %s", label)
		}
		return m[1]
	}
	if at("tertiary") != at("secondary") || at("tertiary") == at("0-29") {
		t.Errorf("levels at %s and %s, the age at %s", at("tertiary"), at("secondary"), at("0-29"))
	}
}

// TestChineseTerms: a receipt is 回执, a credential 凭据 and a witness 见证方, on pages, in
// workbooks and in the documents alike.
func TestChineseTerms(t *testing.T) {
	guides, _ := filepath.Glob("../../docs/zh/*.md")
	files := append(guides, "chinese.go", "../registerwords.go", "../xlsxcover.go", "../python/README.md", "../r/README.md", "../../README.zh-CN.md")
	if len(guides) < 7 {
		t.Fatalf("only %d guides", len(guides))
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			for _, other := range []string{"收据", "凭证", "见证人", "试用数据域"} {
				if strings.Contains(line, other) {
					t.Errorf("%s:%d says %s", name, i+1, other)
				}
			}
		}
	}
}

// TestReceiptIsTheServersWord: what is in no leaf of a receipt stands apart from what was
// checked, and is said to be the server's word, which audit verify proves.
func TestReceiptIsTheServersWord(t *testing.T) {
	s, d := site(t)
	mine := d.add("insurer-a", severity())
	for lang, word := range map[string]string{"en": "By the server&#39;s word", "zh": "仅凭服务器所言"} {
		p := signedIn(t, s, "token-a", lang).get("/console/requests/" + mine.ID + "/verify")
		checked, said, apart := strings.Cut(p.body, word)
		if !apart || strings.Contains(checked, "ada") || !strings.Contains(said, "ada") || !strings.Contains(said, "audit verify") ||
			!strings.Contains(said, map[string]string{"en": "supervised", "zh": "监管"}[lang]) {
			t.Errorf("%s: %s", lang, p.body)
		}
		p.check(t, "verify")
	}
}

// TestLookingWritesNothing: a release that another asked for is handed over when that is
// asked for, and by no page that is only looked at; once is enough.
func TestLookingWritesNothing(t *testing.T) {
	s, d := site(t)
	theirs := d.add("insurer-a", severity())
	path := "/console/requests/" + theirs.ID
	for i, lang := range []string{"en", "zh"} {
		b := signedIn(t, s, map[string]string{"en": "token-r", "zh": "token-s"}[lang], lang)
		for _, look := range []string{path, path + "/verify"} {
			p := b.get(look)
			if p.status != http.StatusOK || p.path != path || d.replays != i || strings.Contains(p.body, "13,000") || !strings.Contains(p.body, `<form method="post" action="`+path+`"`) {
				t.Errorf("%s is %d at %s, %d leaves", look, p.status, p.path, d.replays)
			}
			p.check(t, look)
		}
		if p := b.post(path, url.Values{}); p.path != path || d.replays != i+1 || !strings.Contains(p.body, "13,000") {
			t.Errorf("handed over: %d at %s, %d leaves", p.status, p.path, d.replays)
		}
		for _, look := range []string{path, path + "/verify"} {
			if p := b.get(look); p.path != look || d.replays != i+1 {
				t.Errorf("%s again: %s, %d leaves", look, p.path, d.replays)
			}
		}
		if p := b.get("/console/requests/q-none"); p.status != http.StatusNotFound {
			t.Errorf("what is not there is %d", p.status)
		}
	}
	other := signedIn(t, s, "token-b", "en")
	if p := other.post(path, url.Values{}); p.status != http.StatusNotFound || d.replays != 2 {
		t.Errorf("an insurer's release is handed to a pharma: %d", p.status)
	}
}

func TestDiff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 12)
		a, b := lines.Draw(t, "a"), lines.Draw(t, "b")
		var before, after []string
		for _, d := range diff(a, b) {
			if d.Sign != "+" {
				before = append(before, d.Text)
			}
			if d.Sign != "-" {
				after = append(after, d.Text)
			}
		}
		if strings.Join(before, "\n") != strings.Join(a, "\n") || strings.Join(after, "\n") != strings.Join(b, "\n") {
			t.Fatalf("the difference of %v and %v is of %v and %v", a, b, before, after)
		}
	})
}

// TestRegisterLeadsBack: from the public register there is a way to sign in, and to it one
// in the language of the page.
func TestRegisterLeadsBack(t *testing.T) {
	s, _ := site(t)
	for lang, want := range map[string]string{"en": "For users of this service", "zh": "机构用户登录"} {
		b := newBrowser(t, s, lang)
		if p := b.get("/console/sign-in"); !strings.Contains(p.body, `href="/register?lang=`+lang+`"`) {
			t.Errorf("%s: no way to the register", lang)
		}
		if p := b.get("/register?lang=" + lang); p.status != http.StatusOK || !strings.Contains(p.body, `<a href="/console/">`+want) {
			t.Errorf("%s: no way back from the register (%d)", lang, p.status)
		}
	}
}
