package federation

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The authority is made once; its keys are the owner's alone; the server's certificate
// is made anew when its time or its names ask for it, under the same authority.
func TestAuthority(t *testing.T) {
	dir, now := t.TempDir(), &clock{time.Now()}
	a := openAuthority(t, dir, now, 0)
	for _, name := range []string{"ca.key", "server.key"} {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
	first := a.server.Leaf
	same := openAuthority(t, dir, now, 0)
	if same.Fingerprint() != a.Fingerprint() || !bytes.Equal(same.server.Leaf.Raw, first.Raw) || len(a.Fingerprint()) != 64 {
		t.Error("another authority or server after a restart")
	}
	roots := x509.NewCertPool()
	roots.AddCert(a.ca.Leaf)
	serves := func(c *x509.Certificate, host string) error {
		_, err := c.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, CurrentTime: now.now})
		return err
	}
	for host, ok := range map[string]bool{"127.0.0.1": true, "coordinator.test": true, "other.test": false, "127.0.0.2": false} {
		if err := serves(first, host); (err == nil) != ok {
			t.Errorf("%s: %v", host, err)
		}
	}
	now.now = now.now.Add(ServerLife / 2)
	if c, err := a.serverCertificate(); err != nil || c.Leaf != first {
		t.Error("renewed too early")
	}
	now.now = now.now.Add(ServerLife / 4)
	c, err := a.TLS().GetCertificate(nil)
	must(t, err)
	if bytes.Equal(c.Leaf.Raw, first.Raw) || serves(c.Leaf, "coordinator.test") != nil || len(c.Certificate) != 2 {
		t.Error("not renewed in time")
	}
	moved, err := OpenAuthority(AuthorityOptions{Dir: dir, Hosts: []string{"new.test"}, Now: func() time.Time { return now.now }})
	must(t, err)
	if serves(moved.server.Leaf, "new.test") != nil || serves(moved.server.Leaf, "coordinator.test") == nil {
		t.Error("the names did not follow")
	}
	if a.ca.Leaf.MaxPathLen != 0 || !a.ca.Leaf.MaxPathLenZero || a.ca.Leaf.KeyUsage != x509.KeyUsageCertSign {
		t.Errorf("%+v", a.ca.Leaf)
	}

	now.now = now.now.Add(AuthorityLife)
	_, err = OpenAuthority(AuthorityOptions{Dir: dir, Hosts: []string{"x"}, Now: func() time.Time { return now.now }})
	mustBe(t, err, ErrOptions)
}

// An authority whose key is lost is not replaced in silence: every node trusts the old one.
func TestAuthorityLost(t *testing.T) {
	for name, damage := range map[string]func(string) error{
		"no key": func(dir string) error { return os.Remove(filepath.Join(dir, "ca.key")) },
		"another key": func(dir string) error {
			return os.Rename(filepath.Join(dir, "server.key"), filepath.Join(dir, "ca.key"))
		},
		"garbled": func(dir string) error { return os.WriteFile(filepath.Join(dir, "ca.crt"), []byte("x"), 0o600) },
	} {
		dir := t.TempDir()
		a := openAuthority(t, dir, &clock{time.Now()}, 0)
		must(t, damage(dir))
		_, err := OpenAuthority(AuthorityOptions{Dir: dir, Hosts: []string{"x"}})
		if !errors.Is(err, ErrOptions) || a == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, o := range []AuthorityOptions{{}, {Dir: "x"}, {Dir: "x", Hosts: []string{""}}} {
		_, err := OpenAuthority(o)
		mustBe(t, err, ErrOptions)
	}
}

// First contact believes the fingerprint and nothing else.
func TestPinnedAuthority(t *testing.T) {
	w := newWorld(t)
	other, err := OpenAuthority(AuthorityOptions{Dir: t.TempDir(), Hosts: []string{"127.0.0.1"}})
	must(t, err)
	text, err := PinnedAuthority(ctx, "https://"+w.addr, w.authority.Fingerprint())
	must(t, err)
	if !bytes.Equal(text, w.authority.Certificate()) {
		t.Error("another certificate")
	}
	for _, wrong := range []string{other.Fingerprint(), fingerprintOf(w.authority.server.Leaf)} {
		_, err = PinnedAuthority(ctx, "https://"+w.addr, wrong)
		mustBe(t, err, ErrAnswer)
	}
	for _, none := range []string{"", "ab"} {
		_, err = PinnedAuthority(ctx, "https://"+w.addr, none)
		mustBe(t, err, ErrOptions)
	}
	_, port, _ := net.SplitHostPort(w.addr)
	_, err = PinnedAuthority(ctx, "https://localhost:"+port, w.authority.Fingerprint()) // not a name of the server's
	mustBe(t, err, ErrAnswer)

	// A man in the middle can show the right authority behind a certificate of his own.
	middle := &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		c := *other.server
		c.Certificate = [][]byte{other.server.Leaf.Raw, w.authority.ca.Leaf.Raw}
		return &c, nil
	}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	running, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() { must(t, w.handler.Serve(running, l, middle)) })
	_, err = PinnedAuthority(ctx, "https://"+l.Addr().String(), w.authority.Fingerprint())
	mustBe(t, err, ErrAnswer)
	cancel()
	group.Wait()
}

// A client with another authority does not talk.
func TestClientTrustsItsAuthorityOnly(t *testing.T) {
	w := newWorld(t)
	other, err := OpenAuthority(AuthorityOptions{Dir: t.TempDir(), Hosts: []string{"127.0.0.1"}})
	must(t, err)
	c := w.client(func(o *ClientOptions) { o.CA, o.AdminToken = other.Certificate(), adminToken })
	_, err = c.Jobs(ctx)
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) {
		t.Errorf("%v", err)
	}
	// A node's certificate does not make a server.
	w.enrolAll()
	block, _ := pem.Decode(w.authority.Certificate())
	ca, err := x509.ParseCertificate(block.Bytes)
	must(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(ca)
	if _, err := w.parties[0].certificate.Leaf.Verify(x509.VerifyOptions{Roots: roots}); err == nil {
		t.Error("a node's certificate is good for a server")
	}
}

// tunnel is an HTTP proxy that knows CONNECT alone and leads everywhere to one address.
type tunnel struct {
	to    func() string
	calls atomic.Int64
}

func (p *tunnel) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect || r.Host != "coordinator.test:443" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	p.calls.Add(1)
	far, err := net.Dial("tcp", p.to())
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	near, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(far, near); _ = far.Close() }()
	_, _ = io.Copy(near, far)
	_ = near.Close()
}

// HTTPS_PROXY is honoured, by clients and at first contact. The standard library reads the
// variable once in a process, so that TestMain sets it.
func TestProxy(t *testing.T) {
	w := newWorld(t)
	proxy.to = func() string { return w.addr }
	before := proxy.calls.Load()
	ca, err := PinnedAuthority(ctx, "https://coordinator.test", w.authority.Fingerprint())
	must(t, err)
	c := w.client(func(o *ClientOptions) { o.URL, o.CA, o.AdminToken = "https://coordinator.test", ca, adminToken })
	_, err = c.Jobs(ctx)
	must(t, err)
	if n := proxy.calls.Load() - before; n != 2 {
		t.Errorf("%d connections through the proxy", n)
	}
	_, err = w.client(func(o *ClientOptions) { o.URL, o.AdminToken = "https://elsewhere.test", adminToken }).Jobs(ctx)
	if err == nil || !strings.Contains(err.Error(), "Forbidden") {
		t.Errorf("%v", err)
	}
}
