package api

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// newCertificate is self-signed, valid for a day around noon plus shift.
func newCertificate(t testing.TB, shift time.Duration) (*x509.Certificate, tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: noon.Add(shift - 12*time.Hour), NotAfter: noon.Add(shift + 12*time.Hour),
		DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return leaf, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// show is a request over TLS with a client certificate, if there is one, and headers.
func show(leaf *x509.Certificate, headers ...string) *http.Request {
	r := httptest.NewRequest("GET", "/v1/session", nil)
	r.TLS = &tls.ConnectionState{HandshakeComplete: true}
	if leaf != nil {
		r.TLS.PeerCertificates = []*x509.Certificate{leaf}
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	return r
}

// Whatever a request shows must be accepted and be one principal's.
func TestCredentialsAgree(t *testing.T) {
	pinned, _ := newCertificate(t, 0)
	other, _ := newCertificate(t, 0)
	expired, _ := newCertificate(t, -13*time.Hour)
	early, _ := newCertificate(t, 13*time.Hour)
	left, _ := newCertificate(t, 0)
	people := known{"token-a": "insurer-a", "token-b": "pharma-b", KeyName(pinned): "insurer-a", KeyName(expired): "insurer-a", KeyName(early): "insurer-a", KeyName(left): "left-l"}
	s, _ := server(t, func(o *Options) { o.Policy, o.Tokens = people, people })
	cookieOf := func(headers ...string) string {
		r := show(nil, headers...)
		r.Method = http.MethodPost
		w := record(s.Handler(), r)
		if w.Code != 200 {
			t.Fatalf("sign-in: %d %s", w.Code, w.Body)
		}
		c := w.Result().Cookies()[0]
		return c.Name + "=" + c.Value
	}
	mine := "Cookie: " + cookieOf("Authorization: Bearer token-a")
	for _, c := range []struct {
		leaf    *x509.Certificate
		headers []string
		want    string // "" for 401
	}{
		{pinned, nil, "insurer-a"},
		{pinned, []string{"Authorization: Bearer token-a"}, "insurer-a"},
		{pinned, []string{"Authorization: Bearer token-b"}, ""},
		{pinned, []string{"Authorization: Bearer token-x"}, ""},
		{pinned, []string{"Authorization: Basic x"}, ""},
		{pinned, []string{mine}, "insurer-a"},
		{pinned, []string{"Cookie: __Host-qunxiang-session=guess"}, ""},
		{other, nil, ""},
		{other, []string{"Authorization: Bearer token-b"}, "pharma-b"},
		{expired, nil, ""}, {early, nil, ""}, {left, nil, ""},
		{expired, []string{"Authorization: Bearer token-a"}, ""},
		{nil, []string{mine}, "insurer-a"},
		{nil, []string{mine, "Authorization: Bearer token-b"}, ""},
		{nil, []string{strings.Replace(mine, "__Host-", "", 1)}, ""},
		{nil, []string{mine + "; " + strings.TrimPrefix(mine, "Cookie: ")}, ""},
		{nil, nil, ""},
	} {
		w := record(s.Handler(), show(c.leaf, c.headers...))
		if c.want == "" {
			problem(t, w, "unauthenticated", 401)
		} else if w.Code != 200 || !strings.Contains(w.Body.String(), `"principal":"`+c.want+`"`) {
			t.Errorf("%v: %d %s, want %s", c.headers, w.Code, w.Body, c.want)
		}
	}
}

// clocked is a server whose time is *now.
func clocked(t *testing.T, now *time.Time, people known, change ...func(*Options)) *Server {
	s, _ := server(t, append(change, func(o *Options) {
		o.Policy, o.Tokens, o.Now = people, people, func() time.Time { return *now }
	})...)
	return s
}

func signedIn(t *testing.T, s *Server, token string) string {
	t.Helper()
	w := do(s.Handler(), "POST", "/v1/session", "", "Authorization: Bearer "+token)
	if w.Code != 200 || len(w.Result().Cookies()) != 1 {
		t.Fatalf("sign-in: %d %s", w.Code, w.Body)
	}
	c := w.Result().Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
		t.Errorf("cookie %v", c)
	}
	return "Cookie: " + c.Name + "=" + c.Value
}

func TestSessionEnds(t *testing.T) {
	now := noon
	people := known{"token-a": "insurer-a"}
	s := clocked(t, &now, people)
	is := func(cookie string, want int) {
		t.Helper()
		if w := do(s.Handler(), "GET", "/v1/session", "", "Authorization: ", cookie); w.Code != want {
			t.Errorf("%d, want %d", w.Code, want)
		}
	}
	idle := signedIn(t, s, "token-a")
	is(idle, 200)
	now = now.Add(sessionIdle - time.Second)
	is(idle, 200)
	now = now.Add(sessionIdle)
	is(idle, 401)

	old := signedIn(t, s, "token-a")
	begun := now
	for ; now.Sub(begun) < sessionLife; now = now.Add(sessionIdle - time.Minute) {
		is(old, 200)
		// A session does not prolong itself.
		if w := do(s.Handler(), "POST", "/v1/session", "", "Authorization: ", old); w.Code != 401 {
			t.Errorf("a session made a session: %d", w.Code)
		}
	}
	now = begun.Add(sessionLife)
	is(old, 401)

	out := signedIn(t, s, "token-a")
	if w := do(s.Handler(), "DELETE", "/v1/session", "", "Authorization: ", out); w.Code != 204 {
		t.Errorf("sign-out: %d", w.Code)
	}
	is(out, 401)

	first := signedIn(t, s, "token-a")
	for range maxSessions {
		is(first, 200)
		signedIn(t, s, "token-a")
	}
	is(first, 401)

	// A session ends with the token that began it.
	revoked := signedIn(t, s, "token-a")
	delete(people, "token-a")
	is(revoked, 401)
	people["token-a"] = "insurer-a"
	is(revoked, 401)
}

// A session that a certificate began ends with the certificate, and with its pin.
func TestSessionEndsWithItsCertificate(t *testing.T) {
	for name, end := range map[string]func(now *time.Time, people known, key string){
		"expired":    func(now *time.Time, _ known, _ string) { *now = now.Add(20 * time.Minute) },
		"unpinned":   func(_ *time.Time, people known, key string) { delete(people, key) },
		"still good": nil,
	} {
		leaf, _ := newCertificate(t, 0)
		now := leaf.NotAfter.Add(-10 * time.Minute)
		people := known{KeyName(leaf): "insurer-a"}
		s := clocked(t, &now, people)
		begin := show(leaf)
		begin.Method = http.MethodPost
		w := record(s.Handler(), begin)
		if w.Code != 200 {
			t.Fatalf("%s: sign-in: %d %s", name, w.Code, w.Body)
		}
		c := w.Result().Cookies()[0]
		want := 200
		if end != nil {
			want = 401
			end(&now, people, KeyName(leaf))
		}
		if w := record(s.Handler(), show(nil, "Cookie: "+c.Name+"="+c.Value)); w.Code != want {
			t.Errorf("%s: %d, want %d", name, w.Code, want)
		}
	}
}

// What another site's page makes a browser send changes nothing.
func TestCrossOrigin(t *testing.T) {
	s, f := server(t)
	cookie := signedIn(t, s, "token-a")
	for _, header := range []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: https://evil.example"} {
		problem(t, do(s.Handler(), "POST", "/v1/queries", `{"template":"I3"}`, "Authorization: ", cookie, header), "cross-origin", 403)
		problem(t, do(s.Handler(), "DELETE", "/v1/session", "", "Authorization: ", cookie, header), "cross-origin", 403)
	}
	if f.asks != 0 {
		t.Error("it reached the service")
	}
	if w := do(s.Handler(), "GET", "/v1/session", "", "Authorization: ", cookie, "Sec-Fetch-Site: same-origin"); w.Code != 200 {
		t.Errorf("the own page: %d", w.Code)
	}
}

// flow is a provider that lets everybody in with the code "good".
type flow struct{ begun []Attempt }

func (f *flow) Begin(context.Context) (string, Attempt, error) {
	a := Attempt{State: "state" + string(rune('a'+len(f.begun))), Nonce: "n", Verifier: "v"}
	f.begun = append(f.begun, a)
	return "https://login.example/?state=" + a.State, a, nil
}

func (f *flow) Finish(_ context.Context, code string, a Attempt) (string, func() bool, error) {
	if code != "good" || a.Verifier != "v" {
		return "", nil, ErrToken
	}
	return "insurer-a", func() bool { return true }, nil
}

// A sign-in counts once, in the browser that began it, with its own state.
func TestSignIn(t *testing.T) {
	now := noon
	f := &flow{}
	s := clocked(t, &now, callersKnown, func(o *Options) { o.SignIn = f })
	start := func(to string) string {
		w := do(s.Handler(), "GET", "/session/start?to="+to, "", "Authorization: ")
		if w.Code != 303 || !strings.HasPrefix(w.Header().Get("Location"), "https://login.example/") {
			t.Fatalf("start: %d %s", w.Code, w.Body)
		}
		c := w.Result().Cookies()[0]
		return "Cookie: " + c.Name + "=" + c.Value
	}
	back := func(cookie, query string) *httptest.ResponseRecorder {
		return do(s.Handler(), "GET", "/session/return?"+query, "", "Authorization: ", cookie)
	}
	for to, want := range map[string]string{"/console?x=1": "/console?x=1", "//evil.example": "/", "https://evil.example": "/", "/%5cevil.example": "/", "": "/",
		"/%09/evil.example/": "/", "/%0a/evil.example": "/", "/%20/evil.example": "/", "/%7f": "/", "/%c2%a0/x": "/", "javascript:x": "/", "/a%3fb=%2fc": "/a?b=/c"} {
		cookie := start(to)
		w := back(cookie, "code=good&state="+f.begun[len(f.begun)-1].State)
		if w.Code != 303 || w.Header().Get("Location") != want {
			t.Errorf("to %q: %d %s", to, w.Code, w.Header().Get("Location"))
		}
		var session string
		for _, c := range w.Result().Cookies() {
			if c.Name == sessionCookie {
				session = "Cookie: " + c.Name + "=" + c.Value
			}
		}
		if w := do(s.Handler(), "GET", "/v1/session", "", "Authorization: ", session); w.Code != 200 {
			t.Errorf("the session: %d", w.Code)
		}
		problem(t, back(cookie, "code=good&state="+f.begun[len(f.begun)-1].State), "unauthenticated", 401) // a second time
	}
	for _, query := range []string{"code=good&state=statea", "code=good", "state=S", "code=bad&state=S", "code=good&code=good&state=S", "code=good&state=S&state=S", "error=access_denied&state=S"} {
		cookie := start("/")
		query = strings.ReplaceAll(query, "S", f.begun[len(f.begun)-1].State)
		problem(t, back(cookie, query), "unauthenticated", 401)
	}
	start("/")
	state := f.begun[len(f.begun)-1].State
	problem(t, back("Cookie: other=1", "code=good&state="+state), "unauthenticated", 401) // another browser
	cookie := start("/")
	now = now.Add(signInLife)
	problem(t, back(cookie, "code=good&state="+f.begun[len(f.begun)-1].State), "unauthenticated", 401)
}

// The principals of an organisation share its rate, and no other's.
func TestRate(t *testing.T) {
	now := noon
	s := clocked(t, &now, callersKnown, func(o *Options) { o.Rate = Rate{PerSecond: 1, Burst: 3} })
	ask := func(token string) int {
		return do(s.Handler(), "GET", "/v1/budgets", "", "Authorization: Bearer "+token).Code
	}
	for i, want := range []int{200, 200, 200, 429, 429} {
		if got := ask("token-a"); got != want {
			t.Errorf("request %d: %d, want %d", i, got, want)
		}
	}
	if got := ask("token-b"); got != 200 {
		t.Errorf("another organisation: %d", got)
	}
	now = now.Add(time.Second)
	if a, b := ask("token-a"), ask("token-a"); a != 200 || b != 429 {
		t.Errorf("after a second: %d, %d", a, b)
	}
}

// Who keeps showing what is not accepted is slowed down; others are not.
func TestStrangers(t *testing.T) {
	now := noon
	s := clocked(t, &now, callersKnown)
	last := 0
	for range strangerRate.Burst + 1 {
		last = do(s.Handler(), "GET", "/v1/budgets", "", "Authorization: Bearer guess").Code
	}
	if last != 429 {
		t.Errorf("after many guesses: %d", last)
	}
	if got := do(s.Handler(), "GET", "/v1/budgets", "").Code; got != 200 {
		t.Errorf("a caller from the same address: %d", got)
	}
}

func TestLimitsForget(t *testing.T) {
	now := noon
	l := newLimits(Rate{PerSecond: 1, Burst: 1}, func() time.Time { return now })
	for i := range maxNames + 5 {
		if got := l.allow(time.Duration(i).String()); got != (i <= maxNames) && i > maxNames+1 {
			t.Fatalf("name %d: %v", i, got)
		}
	}
	if len(l.known) > maxNames+1 {
		t.Errorf("%d names are kept", len(l.known))
	}
	now = now.Add(time.Minute)
	if !l.allow("new") || len(l.known) > 2 {
		t.Errorf("%d names after a minute", len(l.known))
	}
	for address, want := range map[string]string{"192.0.2.7:1": "192.0.2.7/32", "[2001:db8::1:2:3:4]:5": "2001:db8::/64", "[::ffff:192.0.2.7]:5": "192.0.2.7/32", "x": ""} {
		if got := peer(&http.Request{RemoteAddr: address}); got != want {
			t.Errorf("%s: %q", address, got)
		}
	}
}
