package openid

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// absent skips, unless QUNXIANG_NO_SKIP says that nothing may be absent.
func absent(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("QUNXIANG_NO_SKIP") != "" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// certifiedProvider starts a certified provider (npm's oidc-provider) and gives its issuer.
func certifiedProvider(t *testing.T, redirect string) string {
	t.Helper()
	node, err := exec.LookPath("node")
	if err != nil {
		absent(t, "there is no node here to run an OpenID provider on")
	}
	if _, err := os.Stat("testdata/provider/node_modules/oidc-provider"); err != nil {
		absent(t, "the OpenID provider is not installed: npm ci --prefix api/openid/testdata/provider")
	}
	key := newKey(t)
	x, err := key.PublicKey.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	e, point := base64.RawURLEncoding, x.Bytes()
	private, err := key.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	jwk := map[string]string{"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": rand.Text(),
		"x": e.EncodeToString(point[1:33]), "y": e.EncodeToString(point[33:]), "d": e.EncodeToString(private.Bytes())}
	keys, err := json.Marshal([]any{jwk})
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(node, "testdata/provider/provider.mjs", redirect)
	c.Env = append(os.Environ(), "PROVIDER_KEYS="+string(keys))
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = c.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the provider did not start: %v", err)
	}
	return strings.TrimSpace(line)
}

type nobody struct{ api.Service }

// people are the principals of the test.
type people struct{}

func (people) Organisation(name string) string { return strings.TrimPrefix(name, "of-") }
func (people) ByCertificate(string) string     { return "" }

// site is a server whose users sign in at a certified provider.
type site struct {
	url, issuer string
	provider    *Provider
}

func newSite(t *testing.T) *site { return newSiteAt(t, "127.0.0.1", api.Options{Policy: people{}}) }

// newSiteAt is a site that browsers know by a name of loopback.
func newSiteAt(t *testing.T, host string, o api.Options) *site {
	t.Helper()
	// The address is known before the server is, and the server before the provider.
	var handler http.Handler
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler.ServeHTTP(w, r) }))
	t.Cleanup(front.Close)
	s := &site{url: strings.Replace(front.URL, "127.0.0.1", host, 1)}
	redirect := s.url + "/session/return"
	s.issuer = certifiedProvider(t, redirect)
	var err error
	s.provider, err = New(Options{
		Issuer: s.issuer, Audience: audience, ClientID: client, ClientSecret: "a-secret-of-the-domain", Redirect: redirect,
		Account: func(issuer, subject string) string {
			if issuer != s.issuer {
				return ""
			}
			return map[string]string{"alice": "actuary-a", "bob": "insurer-a", "program-a": "program-a"}[subject]
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		t.Fatal(err)
	}
	o.Runner, o.Catalog, o.Tokens, o.SignIn = nobody{}, catalog, s.provider, s.provider
	server, err := api.New(o)
	if err != nil {
		t.Fatal(err)
	}
	handler = server.Handler()
	return s
}

var formAction = regexp.MustCompile(`<form[^>]*action="([^"]+)"`)
var hidden = regexp.MustCompile(`name="([a-z_]+)" value="([^"]*)"`)

// browse follows redirects and fills in the provider's login and consent pages.
func browse(t *testing.T, b *http.Client, address, login string) *http.Response {
	t.Helper()
	res, err := b.Get(address)
	for step := 0; err == nil && step < 4; step++ {
		if res.StatusCode/100 == 3 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
			return res
		}
		page, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		action := formAction.FindSubmatch(page)
		if action == nil {
			t.Fatalf("no form on the provider's page: %s", page)
		}
		form := url.Values{"login": {login}, "password": {"x"}}
		for _, m := range hidden.FindAllSubmatch(page, -1) {
			form.Set(string(m[1]), string(m[2]))
		}
		res, err = b.PostForm(html.UnescapeString(string(action[1])), form)
	}
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func newBrowser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, Timeout: 20 * time.Second}
}

func get(t *testing.T, b *http.Client, address, token string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := b.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(res.Body)
	return res.StatusCode, string(body)
}

// A person signs in at a certified provider and is known; one whom the policy does
// not know is not, whatever the provider says.
func TestSignInAtCertifiedProvider(t *testing.T) {
	s := newSite(t)
	b := newBrowser(t)
	res := browse(t, b, s.url+"/session/start?to=/v1/session", "alice")
	body, _ := io.ReadAll(res.Body)
	if res.StatusCode != 200 || !strings.Contains(string(body), `"principal":"actuary-a"`) {
		t.Fatalf("alice: %d %s", res.StatusCode, body)
	}
	if code, body := get(t, b, s.url+"/v1/session", ""); code != 200 || !strings.Contains(body, "actuary-a") {
		t.Errorf("her session: %d %s", code, body)
	}
	if code, _ := get(t, newBrowser(t), s.url+"/v1/session", ""); code != 401 {
		t.Errorf("another browser: %d", code)
	}
	stranger := newBrowser(t)
	if res := browse(t, stranger, s.url+"/session/start?to=/v1/session", "mallory"); res.StatusCode != 401 {
		t.Errorf("mallory: %d", res.StatusCode)
	}
	if code, _ := get(t, stranger, s.url+"/v1/session", ""); code != 401 {
		t.Errorf("mallory afterwards: %d", code)
	}
	// A code that was stolen from another browser's sign-in is of no use.
	if res := browse(t, newBrowser(t), s.url+"/session/return?code=stolen&state=guessed", "alice"); res.StatusCode != 401 {
		t.Errorf("a stolen code: %d", res.StatusCode)
	}
}

// A program shows an access token that it got for this server, and no other.
func TestProgramAtCertifiedProvider(t *testing.T) {
	s := newSite(t)
	token := func(resource string) string {
		r, err := http.NewRequest(http.MethodPost, s.issuer+"/token", strings.NewReader(url.Values{"grant_type": {"client_credentials"}, "resource": {resource}}.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("program-a", "a-secret-of-program-a")
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		var answer struct {
			Token string `json:"access_token"`
		}
		if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || answer.Token == "" {
			t.Fatalf("%d, %v", res.StatusCode, err)
		}
		return answer.Token
	}
	mine := token(audience)
	if code, body := get(t, http.DefaultClient, s.url+"/v1/session", mine); code != 200 || !strings.Contains(body, `"principal":"program-a"`) {
		t.Errorf("%d %s", code, body)
	}
	if code, _ := get(t, http.DefaultClient, s.url+"/v1/session", token("https://other.example/v1")); code != 401 {
		t.Errorf("a token for another server: %d", code)
	}
	if code, _ := get(t, http.DefaultClient, s.url+"/v1/session", mine[:len(mine)-6]+"AAAAAA"); code != 401 {
		t.Errorf("another signature: %d", code)
	}
}

// The code is good only with the nonce and the PKCE verifier of its own attempt.
func TestAttemptIsBound(t *testing.T) {
	s := newSite(t)
	other := api.Attempt{State: "s", Nonce: "another", Verifier: strings.Repeat("v", 43)}
	for name, change := range map[string]func(*api.Attempt){
		"its own":          func(*api.Attempt) {},
		"no nonce":         func(a *api.Attempt) { a.Nonce = "" },
		"another nonce":    func(a *api.Attempt) { a.Nonce = other.Nonce },
		"another verifier": func(a *api.Attempt) { a.Verifier = other.Verifier },
	} {
		address, a, err := s.provider.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		b, code := newBrowser(t), ""
		b.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
			if strings.HasPrefix(r.URL.String(), s.url) {
				code = r.URL.Query().Get("code")
				return http.ErrUseLastResponse
			}
			return nil
		}
		browse(t, b, address, "alice")
		if code == "" {
			t.Fatal("no code came back")
		}
		change(&a)
		who, still, err := s.provider.Finish(t.Context(), code, a)
		if own := name == "its own"; own != (err == nil && who == "actuary-a" && still()) || !own && !errors.Is(err, api.ErrToken) {
			t.Errorf("%s: %q, %v", name, who, err)
		}
		if _, _, err := s.provider.Finish(t.Context(), code, a); !errors.Is(err, api.ErrToken) {
			t.Errorf("%s, the code a second time: %v", name, err)
		}
	}
}
