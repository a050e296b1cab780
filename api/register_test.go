package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/queries"
)

// registry is a Registrar that counts how often it is asked.
type registry struct {
	register queries.Register
	asked    int
}

func (r *registry) Register() *queries.Register {
	r.asked++
	return &r.register
}

func entry(day, who, state string) queries.RegisterEntry {
	return queries.RegisterEntry{
		Day: day, Organisation: who, Template: "length-of-stay@1.0.0", Title: queries.Text{EN: "Length of stay", ZH: "住院天数"},
		Description: queries.Text{EN: "Mean length of stay by hospital level.", ZH: "按医院级别统计平均住院天数。"},
		Purpose:     "fund-regulation", State: queries.State(state),
		Costs: []queries.RegisterShare{{Scope: "2025", Share: 0.0471}, {Scope: "life", Share: 0.00004}},
	}
}

func exampleRegister() queries.Register {
	training := entry("2026-01-29", "<b>domain</b>", "running")
	training.Training, training.Rounds, training.Purpose = true, 7, "a purpose of tomorrow"
	return queries.Register{
		Population: "city", Evaluation: true, Privacy: queries.Promise{Epsilon: 10, Factor: 23000, Delta: 1e-9, SoFar: 1.6, YearEps: 10},
		Entries:       []queries.RegisterEntry{entry("2026-01-31", "insurer-a", "released"), entry("2026-01-30", "regulator", "abandoned"), training},
		Scopes:        []queries.RegisterScope{{Scope: "2025", Cap: 1.06, Spent: 0.1, Left: 0.96}, {Scope: "life", Cap: 1.06, Spent: 0.1, Left: 0.96}},
		Organisations: []queries.RegisterUse{{Organisation: "insurer-a", Scope: "2025", Requests: 1, Spent: 0.05, Share: 0.0471}},
		Repeats:       []queries.RegisterRepeat{{Organisation: "regulator", Template: "length-of-stay@1.0.0", Title: queries.Text{EN: "Length of stay", ZH: "住院天数"}, Requests: 3}},
	}
}

func registerServer(t *testing.T, change ...func(*Options)) (*Server, *registry) {
	t.Helper()
	r := &registry{register: exampleRegister()}
	s, _ := server(t, append([]func(*Options){func(o *Options) { o.Register = r }}, change...)...)
	return s, r
}

func get(s *Server, path string, h ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(h); i += 2 {
		r.Header.Set(h[i], h[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

// The page in both languages, as it was looked at.
func TestRegisterPage(t *testing.T) {
	s, _ := registerServer(t, func(o *Options) {
		o.About = About{Authority: "Bureau of Example City", Contact: `Telephone "12393"`, URL: "https://example.org/opt-out?a=1&b=2"}
	})
	for _, lang := range []string{"en", "zh"} {
		w := get(s, "/register?lang="+lang)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "text/html; charset=UTF-8" || w.Header().Get("Content-Language") != lang {
			t.Errorf("%d %v", w.Code, w.Header())
		}
		golden(t, "register."+lang+".html", w.Body.Bytes())
	}
}

// The page runs nothing, loads nothing, and its one style is the one that the
// header lets in. What others wrote is escaped.
func TestRegisterPageIsInert(t *testing.T) {
	s, _ := registerServer(t)
	w := get(s, "/register")
	body := w.Body.String()
	for _, bad := range []string{"<script", "<img", "<form", "<link", "<iframe", "http://", "javascript:", "onload", "style=", "<b>domain"} {
		if strings.Contains(strings.ToLower(body), bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	policy := w.Header().Get("Content-Security-Policy")
	style := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(body)
	if len(style) != 2 || style[1] != registerStyle || !strings.Contains(policy, "'sha256-"+styleHash()+"'") || strings.Contains(policy, "unsafe") {
		t.Errorf("the style is not the one of the policy %s", policy)
	}
	for _, want := range []string{`<html lang="en">`, "<caption>", `scope="col"`, `scope="row"`, `<small lang="zh">`, "The authority has not said here how to reach it."} {
		if !strings.Contains(body, want) {
			t.Errorf("the page has no %s", want)
		}
	}
}

func TestRegisterLanguage(t *testing.T) {
	s, _ := registerServer(t)
	for _, tt := range []struct{ query, accept, want string }{
		{"", "", "en"}, {"", "zh-CN,zh;q=0.9,en;q=0.8", "zh"}, {"", "en-GB,zh;q=0.5", "en"}, {"", "zh-TW", "zh"}, {"", "fr", "en"},
		{"?lang=zh", "en", "zh"}, {"?lang=en", "zh", "en"}, {"?lang=xx", "zh", "zh"}, {"", strings.Repeat("zh,", 2000), "zh"}, {"", "\x00;q=", "en"},
	} {
		if got := get(s, "/register"+tt.query, "Accept-Language", tt.accept).Header().Get("Content-Language"); got != tt.want {
			t.Errorf("%+v: %s", tt, got)
		}
	}
}

// Every text is there in both languages and takes the same arguments, and every
// purpose and state has its words.
func TestRegisterWords(t *testing.T) {
	for key, text := range registerWords {
		if text.EN == "" || text.ZH == "" || strings.Count(text.EN, "%s") != strings.Count(text.ZH, "%s") {
			t.Errorf("%q: %+v", key, text)
		}
	}
	for _, p := range policy.Purposes() {
		if _, ok := registerWords["purpose "+p]; !ok {
			t.Errorf("no words for the purpose %s", p)
		}
	}
	for _, used := range regexp.MustCompile(`\bt "([^"]+)"`).FindAllStringSubmatch(registerSource, -1) {
		if _, ok := registerWords[used[1]]; !ok {
			t.Errorf("the page has no text %q", used[1])
		}
	}
	for _, state := range []queries.State{queries.Running, queries.Released, queries.Abandoned} {
		if _, err := wordsOf("zh").state(state); err != nil {
			t.Error(err)
		}
	}
}

// Pages of 100; the register is written from the log at most every five seconds.
func TestRegisterIsPagedAndKept(t *testing.T) {
	now := noon
	s, r := registerServer(t, func(o *Options) { o.Now = func() time.Time { return now } })
	r.register.Entries = nil
	for i := range 250 {
		r.register.Entries = append(r.register.Entries, entry("2026-01-31", fmt.Sprintf("org-%03d", i), "released"))
	}
	for _, tt := range []struct {
		page  string
		n     int
		first string
	}{{"", 100, "org-000"}, {"?page=2", 100, "org-100"}, {"?page=3", 50, "org-200"}, {"?page=4", 0, ""}} {
		w := get(s, "/v1/register"+tt.page)
		var p RegisterPage
		if err := json.NewDecoder(bytes.NewReader(w.Body.Bytes())).Decode(&p); err != nil || p.Pages != 3 || len(p.Entries) != tt.n {
			t.Fatalf("%s: %d entries of %d pages: %v", tt.page, len(p.Entries), p.Pages, err)
		}
		if tt.n > 0 && p.Entries[0].Organisation != tt.first {
			t.Errorf("%s begins with %s", tt.page, p.Entries[0].Organisation)
		}
	}
	if get(s, "/v1/register?page=0").Code != http.StatusUnprocessableEntity {
		t.Error("page 0")
	}
	if w := get(s, "/register?page=2"); !strings.Contains(w.Body.String(), `rel="prev"`) || !strings.Contains(w.Body.String(), `rel="next"`) || w.Header().Get("Cache-Control") != "public, max-age=60" {
		t.Error("the second page has no way on")
	}
	if r.asked != 1 {
		t.Errorf("written %d times in one moment", r.asked)
	}
	now = now.Add(registerAge)
	get(s, "/register")
	if r.asked != 2 {
		t.Errorf("written %d times", r.asked)
	}
}

// Strangers are held to a rate, together for page and JSON; a server without a
// register has no such routes.
func TestRegisterForStrangers(t *testing.T) {
	s, _ := registerServer(t, func(o *Options) { o.Now = func() time.Time { return noon } })
	codes := map[int]int{}
	for i := range 80 {
		codes[get(s, []string{"/register", "/v1/register"}[i%2]).Code]++
	}
	if codes[http.StatusOK] != strangerRate.Burst || codes[http.StatusTooManyRequests] != 80-strangerRate.Burst {
		t.Errorf("%v", codes)
	}
	bare, _ := server(t)
	if get(bare, "/register").Code != http.StatusNotFound || get(bare, "/v1/register").Code != http.StatusNotFound {
		t.Error("a register of nobody's")
	}
}

func TestRegisterNumbers(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{percent(0), "0 %"}, {percent(0.00001), "< 0.01 %"}, {percent(0.0471), "4.71 %"}, {percent(1), "100.00 %"},
		{number(1.6), "1.6"}, {number(16), "16"}, {number(23000), "23,000"}, {number(1.2e9), "1,200,000,000"}, {number(3.1e40), "3.1e+40"},
		{chance(1e-9), "1,000,000,000"}, {chance(0), "0"},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}
