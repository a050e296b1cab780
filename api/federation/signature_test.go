package federation

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/qunxiang/qunxiang/api"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func signedRequest(t testing.TB, key ed25519.PrivateKey, method, path, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	must(t, sign(r, []byte(body), key, noon))
	return r
}

// The signature base, spelt out by hand from RFC 9421 sections 2.2, 2.3 and 2.5.
func TestSignatureBase(t *testing.T) {
	key := newKey(t)
	r := signedRequest(t, key, "POST", "/v1/federated/jobs/ab%2Fc/feed?epoch=1&at=%20", "hello")
	_, p, _ := strings.Cut(r.Header.Get("Signature-Input"), "qx=")
	digest := "sha-256=:LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=:" // of "hello"
	want := "\"@method\": POST\n\"@path\": /v1/federated/jobs/ab%2Fc/feed\n\"@query\": ?epoch=1&at=%20\n" +
		"\"content-digest\": " + digest + "\n\"@signature-params\": " + p
	if r.Header.Get("Content-Digest") != digest {
		t.Errorf("digest %s", r.Header.Get("Content-Digest"))
	}
	sig, err := base64.StdEncoding.DecodeString(strings.Trim(strings.TrimPrefix(r.Header.Get("Signature"), "qx="), ":"))
	if err != nil || !ed25519.Verify(publicOf(key), []byte(want), sig) {
		t.Errorf("the signature is not over %q: %v", want, err)
	}
	form := fmt.Sprintf(`("@method" "@path" "@query" "content-digest");created=%d;nonce="`, noon.Unix())
	if !strings.HasPrefix(p, form) || !strings.HasSuffix(p, `";keyid="`+b64(key)+`";alg="ed25519";tag="qunxiang-federated/1"`) {
		t.Errorf("parameters %s", p)
	}
}

// Any request verifies as it was signed, within the window, and names its key.
func TestSignedRequestsVerify(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := ed25519.NewKeyFromSeed(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "seed"))
		body := rapid.SliceOf(rapid.Byte()).Draw(t, "body")
		path := "/" + rapid.StringMatching(`[a-z0-9/]{0,20}(\?[a-z0-9=&]{0,20})?`).Draw(t, "path")
		r := httptest.NewRequest(rapid.SampledFrom([]string{"GET", "POST", "DELETE"}).Draw(t, "method"), path, bytes.NewReader(body))
		if err := sign(r, body, key, noon); err != nil {
			t.Fatal(err)
		}
		skew := time.Duration(rapid.Int64Range(int64(-Window), int64(Window)).Draw(t, "skew"))
		s, err := verify(r, noon.Add(skew))
		if err != nil || s.covers(body) != nil || !s.key.Public().Equal(key.Public()) {
			t.Fatalf("%v, %v", err, s.covers(body))
		}
		if s.covers(append(body, 0)) == nil {
			t.Fatal("it covers another body")
		}
	})
}

// A signature holds for nothing but the request it was made for.
func TestSignatureHoldsForItsRequestOnly(t *testing.T) {
	key, other := newKey(t), newKey(t)
	const path = "/v1/federated/jobs/aa/feed?epoch=1&at=2"
	header := func(name string, f func(string) string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, f(r.Header.Get(name))) }
	}
	swap := func(name, from, to string) func(*http.Request) {
		return header(name, func(s string) string {
			if !strings.Contains(s, from) {
				t.Fatalf("%s has no %s", name, from)
			}
			return strings.Replace(s, from, to, 1)
		})
	}
	for name, change := range map[string]func(*http.Request){
		"method":           func(r *http.Request) { r.Method = "POST" },
		"path":             func(r *http.Request) { r.URL.Path = "/v1/federated/jobs/bb/feed" },
		"query":            func(r *http.Request) { r.URL.RawQuery = "epoch=1&at=3" },
		"no query":         func(r *http.Request) { r.URL.RawQuery = "" },
		"digest":           header("Content-Digest", func(string) string { return contentDigest([]byte("x")) }),
		"created":          swap("Signature-Input", fmt.Sprint(noon.Unix()), fmt.Sprint(noon.Unix()+1)),
		"key":              swap("Signature-Input", b64(key), b64(other)),
		"algorithm":        swap("Signature-Input", `alg="ed25519"`, `alg="none"`),
		"tag":              swap("Signature-Input", tag, "other"),
		"fewer components": swap("Signature-Input", `"@path" `, ""),
		"another label":    swap("Signature-Input", "qx=", "sig="),
		"two inputs":       func(r *http.Request) { r.Header.Add("Signature-Input", r.Header.Get("Signature-Input")) },
		"two signatures":   func(r *http.Request) { r.Header.Add("Signature", r.Header.Get("Signature")) },
		"two digests":      func(r *http.Request) { r.Header.Add("Content-Digest", r.Header.Get("Content-Digest")) },
		"no input":         func(r *http.Request) { r.Header.Del("Signature-Input") },
		"no signature":     func(r *http.Request) { r.Header.Del("Signature") },
		"no digest":        func(r *http.Request) { r.Header.Del("Content-Digest") },
		"leading zero":     swap("Signature-Input", "created=", "created=0"),
		"something behind": header("Signature-Input", func(s string) string { return s + ";x=1" }),
		"bad base64":       swap("Signature", "=:", "=:!"),
		"garbled": header("Signature", func(s string) string {
			b := []byte(s)
			b[10] ^= 1
			return string(b)
		}),
	} {
		r := signedRequest(t, key, "GET", path, "")
		if _, err := verify(r, noon); err != nil {
			t.Fatal(err)
		}
		change(r)
		if _, err := verify(r, noon); err == nil {
			t.Errorf("%s: it still verifies", name)
		} else {
			mustBe(t, err, api.ErrRequestSignature)
		}
	}
	r := signedRequest(t, key, "GET", path, "")
	r.Host = "other.example" // proxies change it
	_, err := verify(r, noon)
	must(t, err)
	for _, d := range []time.Duration{Window + time.Second, -Window - time.Second, 24 * time.Hour} {
		_, err := verify(r, noon.Add(d))
		mustBe(t, err, api.ErrRequestSignature)
	}
}

// A nonce works once for as long as its signature holds, for every node apart; and the
// gate forgets.
func TestGate(t *testing.T) {
	key, other := newKey(t), newKey(t)
	of := func(k ed25519.PrivateKey) signed {
		s, err := verify(signedRequest(t, k, "GET", "/", ""), noon)
		must(t, err)
		return s
	}
	g := newGate(2)
	first := of(key)
	enter := func(s signed, at time.Time) error {
		done, err := g.enter(s, at)
		if err == nil {
			done()
		}
		return err
	}
	must(t, enter(first, noon.Add(-Window)))
	for d := -Window; d <= Window; d += 10 * time.Second {
		mustBe(t, enter(first, noon.Add(d)), api.ErrRequestSignature)
	}
	twin := first
	twin.key = of(other).key
	must(t, enter(twin, noon)) // another's nonces are another's
	must(t, enter(of(key), noon))

	must(t, enter(of(key), noon.Add(time.Hour)))
	if v := g.nodes[first.key]; len(v.now)+len(v.last) != 1 {
		t.Errorf("%d nonces are kept", len(v.now)+len(v.last))
	}

	one, err := g.enter(of(key), noon)
	must(t, err)
	two, err := g.enter(of(key), noon)
	must(t, err)
	_, err = g.enter(of(key), noon)
	mustBe(t, err, api.ErrTooFast)
	must(t, enter(of(other), noon)) // one node does not crowd another out
	one()
	must(t, enter(of(key), noon))
	two()
	g.nodes[first.key].now = map[[nonceBytes]byte]bool{}
	for i := range 2 * maxNonces {
		g.nodes[first.key].now[[nonceBytes]byte{byte(i), byte(i >> 8), byte(i >> 16)}] = true
	}
	mustBe(t, enter(of(key), noon), api.ErrTooFast)
}

// Whatever is in the headers, verify says so and does not panic.
func FuzzVerify(f *testing.F) {
	key := ed25519.NewKeyFromSeed(make([]byte, 32))
	r := signedRequest(f, key, "GET", "/x?y", "")
	f.Add(r.Header.Get("Signature-Input"), r.Header.Get("Signature"), r.Header.Get("Content-Digest"))
	f.Add("", "", "")
	f.Fuzz(func(t *testing.T, input, signature, digest string) {
		q := httptest.NewRequest("GET", "/x?y", nil)
		q.Header.Set("Signature-Input", input)
		q.Header.Set("Signature", signature)
		q.Header.Set("Content-Digest", digest)
		_, err := verify(q, noon)
		if err == nil && (digest != contentDigest(nil) || !strings.Contains(input, b64(key))) {
			t.Errorf("%q, %q, %q verify", input, signature, digest)
		}
	})
}
