package openid

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/coreos/go-oidc/v3/oidc/oidctest"

	"github.com/qunxiang/qunxiang/api"
)

const audience, client = "https://domain.example/v1", "domain"

// issuer is a provider on loopback whose keys the test holds.
type issuer struct {
	*httptest.Server
	oidc    *oidctest.Server
	fetches atomic.Int64
	down    atomic.Bool
	now     time.Time
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newIssuer(t testing.TB, key *ecdsa.PrivateKey) *issuer {
	i := &issuer{oidc: &oidctest.Server{Algorithms: []string{oidc.ES256}}, now: time.Now()}
	i.publish("one", key)
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.fetches.Add(1)
		if i.down.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		i.oidc.ServeHTTP(w, r)
	}))
	t.Cleanup(i.Close)
	i.oidc.SetIssuer(i.URL)
	return i
}

func (i *issuer) publish(id string, key *ecdsa.PrivateKey) {
	i.oidc.PublicKeys = []oidctest.PublicKey{{PublicKey: key.Public(), KeyID: id, Algorithm: oidc.ES256}}
}

func (i *issuer) provider(t testing.TB) *Provider {
	t.Helper()
	p, err := New(Options{
		Issuer: i.URL, Audience: audience, ClientID: client, Redirect: "https://domain.example/session/return",
		Account: func(issuer, subject string) string {
			if issuer == i.URL && subject == "alice" {
				return "insurer-a"
			}
			return ""
		},
		Now: func() time.Time { return i.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// claims are good ones but for what the test changes.
func (i *issuer) claims(change map[string]any) string {
	c := map[string]any{"iss": i.URL, "sub": "alice", "aud": audience, "iat": i.now.Unix(), "exp": i.now.Add(time.Minute).Unix()}
	for k, v := range change {
		c[k] = v
	}
	b, _ := json.Marshal(c)
	return string(b)
}

// forged is a token with any header and signature.
func forged(header, claims string, sign func([]byte) []byte) string {
	e := base64.RawURLEncoding
	text := e.EncodeToString([]byte(header)) + "." + e.EncodeToString([]byte(claims))
	return text + "." + e.EncodeToString(sign([]byte(text)))
}

// Tokens that attackers make (RFC 8725) are refused; the good one is not.
func TestForgedTokens(t *testing.T) {
	key, other := newKey(t), newKey(t)
	i := newIssuer(t, key)
	p := i.provider(t)
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	mac := func(secret []byte) func([]byte) []byte {
		return func(text []byte) []byte {
			h := hmac.New(sha256.New, secret)
			h.Write(text)
			return h.Sum(nil)
		}
	}
	sign := func(k crypto.Signer, id, claims string) string {
		return oidctest.SignIDToken(k, id, oidc.ES256, claims)
	}
	good := sign(key, "one", i.claims(nil))
	if who, err := p.Principal(t.Context(), good); who != "insurer-a" || err != nil {
		t.Fatalf("the good one: %q, %v", who, err)
	}
	for name, token := range map[string]string{
		"alg none":              forged(`{"alg":"none","kid":"one"}`, i.claims(nil), func([]byte) []byte { return nil }),
		"alg None":              forged(`{"alg":"None"}`, i.claims(nil), func([]byte) []byte { return nil }),
		"HS256 by public key":   forged(`{"alg":"HS256","kid":"one"}`, i.claims(nil), mac(public)),
		"HS256 by its DER":      forged(`{"alg":"HS256","kid":"one"}`, i.claims(nil), mac(der)),
		"a path as key id":      forged(`{"alg":"HS256","kid":"../../../../dev/null"}`, i.claims(nil), mac(nil)),
		"an own key inside":     forged(`{"alg":"ES256","jwk":{"kty":"EC"}}`, i.claims(nil), func([]byte) []byte { return make([]byte, 64) }),
		"a zero signature":      forged(`{"alg":"ES256","kid":"one"}`, i.claims(nil), func([]byte) []byte { return make([]byte, 64) }),
		"another key":           sign(other, "one", i.claims(nil)),
		"another audience":      sign(key, "one", i.claims(map[string]any{"aud": "https://other.example"})),
		"an ID token":           sign(key, "one", i.claims(map[string]any{"aud": client})),
		"no audience":           sign(key, "one", i.claims(map[string]any{"aud": nil})),
		"another issuer":        sign(key, "one", i.claims(map[string]any{"iss": "https://other.example"})),
		"issuer with a slash":   sign(key, "one", i.claims(map[string]any{"iss": i.URL + "/"})),
		"expired":               sign(key, "one", i.claims(map[string]any{"exp": i.now.Add(-time.Second).Unix()})),
		"no expiry":             sign(key, "one", i.claims(map[string]any{"exp": nil})),
		"not yet":               sign(key, "one", i.claims(map[string]any{"nbf": i.now.Add(time.Hour).Unix()})),
		"somebody else":         sign(key, "one", i.claims(map[string]any{"sub": "mallory"})),
		"nobody":                sign(key, "one", i.claims(map[string]any{"sub": ""})),
		"a name, not a subject": sign(key, "one", i.claims(map[string]any{"sub": "mallory", "preferred_username": "alice", "email": "alice"})),
		"changed afterwards":    strings.Replace(good, ".", ".e", 1),
		"a fourth part":         good + ".x",
		"too long":              good + strings.Repeat("A", maxToken),
		"empty parts":           "..",
		"a token of ours":       "qx_0123",
		"nothing":               "",
	} {
		if who, err := p.Principal(t.Context(), token); !errors.Is(err, api.ErrToken) || who != "" {
			t.Errorf("%s: %q, %v", name, who, err)
		}
	}
}

// A new key of the provider counts at once, a withdrawn one no longer than trust.
func TestProviderKeysRotate(t *testing.T) {
	first, second := newKey(t), newKey(t)
	i := newIssuer(t, first)
	p := i.provider(t)
	is := func(k *ecdsa.PrivateKey, id, want string) {
		t.Helper()
		if who, _ := p.Principal(t.Context(), oidctest.SignIDToken(k, id, oidc.ES256, i.claims(nil))); who != want {
			t.Errorf("key %s is of %q, want %q", id, who, want)
		}
	}
	is(first, "one", "insurer-a")
	is(second, "two", "")
	i.publish("two", second)
	is(second, "two", "insurer-a")
	is(first, "one", "")

	i = newIssuer(t, first)
	p = i.provider(t)
	is(first, "one", "insurer-a")
	i.publish("two", second)
	i.now = i.now.Add(trust)
	is(first, "one", "")
}

// While the provider is away nobody is let in, and nobody is told that the token
// was wrong; when it is back, all is well.
func TestProviderAway(t *testing.T) {
	key := newKey(t)
	i := newIssuer(t, key)
	p := i.provider(t)
	token := func() string { return oidctest.SignIDToken(key, "one", oidc.ES256, i.claims(nil)) }
	i.down.Store(true)
	for range 3 {
		if who, err := p.Principal(t.Context(), token()); who != "" || err == nil || errors.Is(err, api.ErrToken) {
			t.Errorf("%q, %v", who, err)
		}
	}
	if n := i.fetches.Load(); n != 1 {
		t.Errorf("asked %d times within %v", n, retry)
	}
	if _, _, err := p.Begin(t.Context()); err == nil || errors.Is(err, api.ErrToken) {
		t.Errorf("sign-in: %v", err)
	}
	i.down.Store(false)
	i.now = i.now.Add(retry)
	if who, err := p.Principal(t.Context(), token()); who != "insurer-a" || err != nil {
		t.Errorf("afterwards: %q, %v", who, err)
	}
}

// Tokens of keys that nobody knows do not make the server pester the provider.
func TestUnknownKeysAskSeldom(t *testing.T) {
	i := newIssuer(t, newKey(t))
	p, stranger := i.provider(t), newKey(t)
	for n := range 200 {
		token := oidctest.SignIDToken(stranger, fmt.Sprint("unknown-", n), oidc.ES256, i.claims(nil))
		if _, err := p.Principal(t.Context(), token); !errors.Is(err, api.ErrToken) {
			t.Fatal(err)
		}
	}
	if n := i.fetches.Load(); n > 30 {
		t.Errorf("200 tokens made %d fetches", n)
	}
}

func TestOptions(t *testing.T) {
	account := func(string, string) string { return "" }
	full := Options{Issuer: "https://login.example", Audience: "a", ClientID: "c", Redirect: "https://domain.example/session/return", Account: account}
	if _, err := New(full); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Options){
		"no accounts":       func(o *Options) { o.Account = nil },
		"no issuer":         func(o *Options) { o.Issuer = "" },
		"plain http":        func(o *Options) { o.Issuer = "http://login.example" },
		"a query":           func(o *Options) { o.Issuer += "?x" },
		"same audience":     func(o *Options) { o.Audience = o.ClientID },
		"nothing":           func(o *Options) { o.Audience, o.ClientID = "", "" },
		"no way back":       func(o *Options) { o.Redirect = "" },
		"back without TLS":  func(o *Options) { o.Redirect = "http://domain.example/session/return" },
		"credentials in it": func(o *Options) { o.Issuer = "https://a:b@login.example" },
	} {
		o := full
		change(&o)
		if _, err := New(o); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	p, err := New(Options{Issuer: "https://login.example", ClientID: "c", Redirect: "https://domain.example/session/return", Account: account})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Principal(context.Background(), "a.b.c"); !errors.Is(err, api.ErrToken) {
		t.Errorf("a token where none are taken: %v", err)
	}
}
