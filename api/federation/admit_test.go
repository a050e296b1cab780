package federation

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/federated"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

// raw is a request made by hand, to a server that is trusted by its authority.
type raw struct {
	method, path string
	body         []byte
	media        string
	key          crypto.Signer // nil for no signature
	at           time.Time     // of the signature; default now
	certificate  *tls.Certificate
	change       func(*http.Request) // after signing
}

// send gives the status and the problem's name.
func (w *world) send(x raw) (int, string) {
	w.t.Helper()
	res, body := w.do(x)
	if res.StatusCode/100 == 2 {
		return res.StatusCode, ""
	}
	res.Body = io.NopCloser(bytes.NewReader(body))
	return res.StatusCode, api.ReadProblem(res, maxProblem).Name()
}

func (w *world) do(x raw) (*http.Response, []byte) {
	w.t.Helper()
	r, err := http.NewRequest(x.method, "https://"+w.addr+x.path, bytes.NewReader(x.body))
	must(w.t, err)
	if x.media != "" {
		r.Header.Set("Content-Type", x.media)
	}
	if x.at.IsZero() {
		x.at = time.Now()
	}
	if x.key != nil {
		must(w.t, sign(r, x.body, x.key, x.at))
	}
	if x.change != nil {
		x.change(r)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.authority.Certificate())
	conf := &tls.Config{RootCAs: roots}
	if x.certificate != nil {
		conf.Certificates = []tls.Certificate{*x.certificate}
	}
	c := httpClient(conf, 10*time.Second)
	defer c.CloseIdleConnections()
	res, err := c.Do(r)
	must(w.t, err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	must(w.t, err)
	return res, b
}

// Who is let in where, without client certificates.
func TestAdmission(t *testing.T) {
	w := newWorld(t)
	job := w.job()
	stranger := newKey(t)
	jobs := root + "jobs/" + job.String()
	feed := jobs + "/feed?epoch=0&at=0"
	member := w.parties[0].key
	bearer := func(s string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", s) }
	}
	for name, c := range map[string]struct {
		raw
		status  int
		problem string
	}{
		"feed":                {raw{method: "GET", path: feed, key: member}, 200, ""},
		"card":                {raw{method: "GET", path: jobs + "/card", key: member}, 200, ""},
		"status":              {raw{method: "GET", path: jobs, key: member}, 200, ""},
		"list":                {raw{method: "GET", path: root + "jobs", key: member}, 200, ""},
		"no signature":        {raw{method: "GET", path: feed}, 403, "request-signature"},
		"list, no signature":  {raw{method: "GET", path: root + "jobs"}, 403, "request-signature"},
		"card, no signature":  {raw{method: "GET", path: jobs + "/card"}, 403, "request-signature"},
		"item, no signature":  {raw{method: "GET", path: jobs + "/items/0/0"}, 403, "request-signature"},
		"stranger":            {raw{method: "GET", path: feed, key: stranger}, 403, "not-a-member"},
		"stranger, card":      {raw{method: "GET", path: jobs + "/card", key: stranger}, 403, "not-a-member"},
		"stranger, status":    {raw{method: "GET", path: jobs, key: stranger}, 403, "not-a-member"},
		"owner's key":         {raw{method: "GET", path: feed, key: w.parties[0].owner}, 403, "not-a-member"},
		"old":                 {raw{method: "GET", path: feed, key: member, at: time.Now().Add(-Window - time.Minute)}, 403, "request-signature"},
		"early":               {raw{method: "GET", path: feed, key: member, at: time.Now().Add(Window + time.Minute)}, 403, "request-signature"},
		"slow clock":          {raw{method: "GET", path: feed, key: member, at: time.Now().Add(-Window + time.Minute)}, 200, ""},
		"other query":         {raw{method: "GET", path: feed, key: member, change: func(r *http.Request) { r.URL.RawQuery = "epoch=0&at=1" }}, 403, "request-signature"},
		"unknown job":         {raw{method: "GET", path: root + "jobs/" + secagg.Hash{1}.String(), key: member}, 404, "unknown-job"},
		"no job":              {raw{method: "GET", path: root + "jobs/xyz/card", key: member}, 404, "unknown-job"},
		"upper case":          {raw{method: "GET", path: root + "jobs/" + strings.ToUpper(job.String()), key: member}, 404, "unknown-job"},
		"no such route":       {raw{method: "GET", path: root + "nothing", key: member}, 404, "no-such-route"},
		"no such method":      {raw{method: "PUT", path: jobs, key: member}, 405, "no-such-method"},
		"no place":            {raw{method: "GET", path: jobs + "/feed?epoch=0", key: member}, 422, "item-malformed"},
		"two places":          {raw{method: "GET", path: feed + "&at=1", key: member}, 422, "item-malformed"},
		"negative":            {raw{method: "GET", path: jobs + "/feed?epoch=0&at=-1", key: member}, 422, "item-malformed"},
		"too large":           {raw{method: "GET", path: jobs + "/items/0/99999999999", key: member}, 422, "item-malformed"},
		"admin's list":        {raw{method: "GET", path: root + "jobs", change: bearer("Bearer " + adminToken)}, 200, ""},
		"admin's feed":        {raw{method: "GET", path: feed, change: bearer("Bearer " + adminToken)}, 403, "request-signature"},
		"create by a member":  {raw{method: "POST", path: root + "jobs", key: member, media: mediaJSON, body: []byte("{}")}, 401, "unauthenticated"},
		"create, wrong token": {raw{method: "POST", path: root + "jobs", media: mediaJSON, body: []byte("{}"), change: bearer("Bearer " + adminToken + "x")}, 401, "unauthenticated"},
		"create, no scheme":   {raw{method: "POST", path: root + "jobs", media: mediaJSON, body: []byte("{}"), change: bearer(adminToken)}, 401, "unauthenticated"},
		"create, no card":     {raw{method: "POST", path: root + "jobs", media: mediaJSON, body: []byte("{}"), change: bearer("Bearer " + adminToken)}, 422, "item-malformed"},
		"create, media":       {raw{method: "POST", path: root + "jobs", media: mediaBinary, body: []byte("{}"), change: bearer("Bearer " + adminToken)}, 415, "media-type"},
		"enrolments":          {raw{method: "GET", path: root + "enrolments", key: member}, 401, "unauthenticated"},
		"approve":             {raw{method: "POST", path: root + "enrolments/0011223344556677/approval", key: member, media: mediaJSON, body: []byte("{}")}, 401, "unauthenticated"},
		"remove":              {raw{method: "DELETE", path: root + "enrolments/0011223344556677", key: member}, 401, "unauthenticated"},
	} {
		if status, problem := w.send(c.raw); status != c.status || problem != c.problem {
			t.Errorf("%s: %d %q, want %d %q", name, status, problem, c.status, c.problem)
		}
	}
	list, err := w.client(func(o *ClientOptions) { o.Key = stranger }).Jobs(ctx)
	if err != nil || len(list) != 0 {
		t.Errorf("a stranger's jobs: %v, %v", list, err)
	}
}

// A signed request that somebody has seen is worth nothing: not again, not with another body
// and not at another place.
func TestReplay(t *testing.T) {
	w := newWorld(t)
	job := w.job()
	path := root + "jobs/" + job.String() + "/postings"
	a, err := federated.Approve(w.card, "node-0", w.parties[0].owner)
	must(t, err)
	body := appendPosting(nil, federated.Posting{Sort: federated.SortApproval, Body: canonical(t, a)})
	var seen http.Header
	x := raw{method: "POST", path: path, body: body, media: mediaBinary, key: w.parties[0].key, change: func(r *http.Request) { seen = r.Header.Clone() }}
	if status, problem := w.send(x); status != 204 {
		t.Fatal(status, problem)
	}
	other := appendPosting(nil, federated.Posting{Sort: federated.SortApproval, Body: []byte("{}")})
	again := func(r *http.Request) { r.Header = seen.Clone() }
	for name, y := range map[string]raw{
		"the same":      {method: "POST", path: path, body: body, change: again},
		"another body":  {method: "POST", path: path, body: other, change: again},
		"another job":   {method: "POST", path: root + "jobs/" + secagg.Hash{1}.String() + "/postings", body: body, change: again},
		"another query": {method: "POST", path: path + "?x", body: body, change: again},
		"a GET":         {method: "GET", path: root + "jobs/" + job.String(), change: again},
		"fresh, with another body": {method: "POST", path: path, body: other, media: mediaBinary, change: func(r *http.Request) {
			must(t, sign(r, body, w.parties[0].key, time.Now()))
		}},
		"fresh GET, with a body": {method: "GET", path: root + "jobs/" + job.String(), body: other, change: func(r *http.Request) {
			must(t, sign(r, other, w.parties[0].key, time.Now()))
		}},
	} {
		status, problem := w.send(y)
		if want := "request-signature"; problem != want && !(name == "another job" && problem == "unknown-job") {
			t.Errorf("%s: %d %q", name, status, problem)
		}
	}
	get := raw{method: "GET", path: root + "jobs", key: w.parties[0].key, change: func(r *http.Request) { seen = r.Header.Clone() }}
	if status, problem := w.send(get); status != 200 {
		t.Fatal(status, problem)
	}
	if status, problem := w.send(raw{method: "GET", path: root + "jobs", change: again}); problem != "request-signature" {
		t.Errorf("the list again: %d %q", status, problem)
	}
}

// Two jobs, and a request that is signed for one of them.
func TestReplayAtAnotherJob(t *testing.T) {
	w := newWorld(t)
	first := w.job()
	twin := *w.card
	twin.Description += " again"
	s, err := w.admin().Create(ctx, &twin)
	must(t, err)
	var seen http.Header
	path := func(job string) string { return root + "jobs/" + job + "/feed?epoch=0&at=0" }
	status, problem := w.send(raw{method: "GET", path: path(first.String()), key: w.parties[0].key, change: func(r *http.Request) {
		seen = r.Header.Clone()
		r.URL.Path = strings.Replace(r.URL.Path, first.String(), s.Job, 1)
	}})
	if problem != "request-signature" {
		t.Errorf("%d %q", status, problem)
	}
	status, problem = w.send(raw{method: "GET", path: path(first.String()), change: func(r *http.Request) { r.Header = seen }})
	if status != 200 {
		t.Errorf("at its own job: %d %q", status, problem)
	}
}

// A client certificate must be the signing node's, and be there where it is required.
func TestCertificateOfAnotherNode(t *testing.T) {
	w := newWorld(t, func(w *world) { w.require = true })
	w.enrolAll()
	path := root + "jobs/" + w.job().String()
	key, own, others := w.parties[0].key, w.parties[0].certificate, w.parties[1].certificate
	for _, c := range []struct {
		name        string
		path        string
		certificate *tls.Certificate
		problem     string
	}{
		{"own", path, own, ""},
		{"own, list", root + "jobs", own, ""},
		{"another's", path, others, "client-certificate"},
		{"another's, list", root + "jobs", others, "client-certificate"},
		{"none", path, nil, "client-certificate"},
		{"none, list", root + "jobs", nil, "client-certificate"},
	} {
		if status, problem := w.send(raw{method: "GET", path: c.path, key: key, certificate: c.certificate}); problem != c.problem {
			t.Errorf("%s: %d %q, want %q", c.name, status, problem, c.problem)
		}
	}
	// The administrator's token stands for itself.
	if _, err := w.admin().Jobs(ctx); err != nil {
		t.Error(err)
	}
	must(t, w.authority.Remove(w.parties[0].enrolment.ID()))
	if status, problem := w.send(raw{method: "GET", path: path, key: key, certificate: own}); problem != "client-certificate" {
		t.Errorf("removed: %d %q", status, problem)
	}

	// A certificate of another authority does not even get through the handshake.
	foreign, err := OpenAuthority(AuthorityOptions{Dir: t.TempDir(), Hosts: []string{"x"}})
	must(t, err)
	e := w.enrolment(2)
	s, err := foreign.Enrol(e)
	must(t, err)
	s, err = foreign.Approve(s.ID, e.Fingerprint())
	must(t, err)
	c := w.client(func(o *ClientOptions) {
		o.Key, o.Certificate = w.parties[2].key, pairOf(t, s.Certificate, w.parties[2].tls)
	})
	_, err = c.Jobs(ctx)
	var p *api.Problem
	if err == nil || errors.As(err, &p) {
		t.Errorf("a foreign certificate: %v", err)
	}
}

// Where certificates are not required, one that is given must still be the node's own.
func TestGivenCertificateMustFit(t *testing.T) {
	w := newWorld(t)
	w.enrolAll()
	path := root + "jobs/" + w.job().String()
	for i, want := range []string{"", "client-certificate", "client-certificate"} {
		if _, problem := w.send(raw{method: "GET", path: path, key: w.parties[0].key, certificate: w.parties[i].certificate}); problem != want {
			t.Errorf("certificate of %d: %q, want %q", i, problem, want)
		}
	}
}

// Old TLS is refused.
func TestTLS13Only(t *testing.T) {
	w := newWorld(t)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.authority.Certificate())
	_, err := (&tls.Dialer{Config: &tls.Config{RootCAs: roots, MaxVersion: tls.VersionTLS12}}).DialContext(ctx, "tcp", w.addr)
	if err == nil {
		t.Error("TLS 1.2 is spoken")
	}
}

// dial opens a connection to the server by hand.
func (w *world) dial() net.Conn {
	w.t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(w.authority.Certificate())
	d := tls.Dialer{Config: &tls.Config{RootCAs: roots}}
	c, err := d.DialContext(ctx, "tcp", w.addr)
	must(w.t, err)
	w.t.Cleanup(func() { _ = c.Close() })
	return c
}

// header writes a request's head by hand, with a body of a stated length to follow.
func header(r *http.Request, length int64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n", r.Method, r.URL.RequestURI(), length)
	_ = r.Header.Write(&b)
	return b.String() + "\r\n"
}

// A renewed certificate is shown without a new client.
func TestRenewedCertificateIsShown(t *testing.T) {
	w := newWorld(t, func(w *world) { w.require = true })
	w.enrolAll()
	c := w.client(func(o *ClientOptions) { o.Key = w.parties[0].key })
	_, err := c.Jobs(ctx)
	mustBe(t, err, api.ErrClientCertificate)
	c.Renew(w.parties[0].certificate)
	if _, err := c.Jobs(ctx); err != nil {
		t.Errorf("with a certificate: %v", err)
	}
	c.Renew(w.parties[1].certificate)
	_, err = c.Jobs(ctx)
	mustBe(t, err, api.ErrClientCertificate)
}
