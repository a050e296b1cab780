package api

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// writePair writes a certificate and its key as PEM files.
func writePair(t testing.TB, pair tls.Certificate, dir, name string) (certificate, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certificate, key = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
	for path, block := range map[string]*pem.Block{certificate: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, key: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

// A client is known by its certificate alone over real TLS, by no other, and a
// renewed server certificate counts without a restart; one that is broken does not.
func TestMutualTLS(t *testing.T) {
	dir, now := t.TempDir(), time.Now()
	shift := now.Sub(noon)
	serverLeaf, serverPair := newCertificate(t, shift)
	mine, minePair := newCertificate(t, shift)
	_, otherPair := newCertificate(t, shift)
	certificate, key := writePair(t, serverPair, dir, "server")
	var said []error
	conf, err := NewTLS(TLSFiles{Certificate: certificate, Key: key}, func(err error) { said = append(said, err) })
	if err != nil {
		t.Fatal(err)
	}
	people := known{KeyName(mine): "insurer-a", "token-a": "insurer-a"}
	s, _ := server(t, func(o *Options) { o.Policy, o.Tokens, o.Now = people, people, time.Now })
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, Listeners{Clients: listener, TLS: conf}) }()
	t.Cleanup(func() { stop(); <-ended })
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	ask := func(root *x509.Certificate, pair *tls.Certificate, token string) error {
		roots := x509.NewCertPool()
		roots.AddCert(root)
		c, err := NewClient(ClientOptions{Server: "https://localhost:" + port, Token: token, Certificate: pair, Authorities: roots})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Budgets(t.Context())
		return err
	}
	var p *Problem
	if err := ask(serverLeaf, &minePair, ""); err != nil {
		t.Errorf("the pinned certificate: %v", err)
	}
	if err := ask(serverLeaf, &otherPair, ""); !errors.As(err, &p) || p.Status != 401 {
		t.Errorf("another certificate: %v", err)
	}
	if err := ask(serverLeaf, &otherPair, "token-a"); err != nil {
		t.Errorf("another certificate and a token: %v", err)
	}

	renewedLeaf, renewedPair := newCertificate(t, shift)
	writePair(t, renewedPair, dir, "server")
	if err := ask(renewedLeaf, &minePair, ""); err != nil {
		t.Errorf("after the renewal: %v", err)
	}
	if err := ask(serverLeaf, &minePair, ""); err == nil {
		t.Error("the old certificate is still shown")
	}
	if err := os.WriteFile(certificate, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := ask(renewedLeaf, &minePair, ""); err != nil || len(said) == 0 {
		t.Errorf("with broken files: %v, said %v", err, said)
	}
	delete(people, KeyName(mine))
	if err := ask(renewedLeaf, &minePair, ""); !errors.As(err, &p) || p.Status != 401 {
		t.Errorf("after the pin is gone: %v", err)
	}
}

// With client authorities, a certificate that they did not issue ends the handshake.
func TestClientAuthority(t *testing.T) {
	dir, shift := t.TempDir(), time.Since(noon)
	_, serverPair := newCertificate(t, shift)
	_, minePair := newCertificate(t, shift)
	certificate, key := writePair(t, serverPair, dir, "server")
	authority, _ := writePair(t, minePair, dir, "authority")
	conf, err := NewTLS(TLSFiles{Certificate: certificate, Key: key, ClientAuthority: authority}, func(error) {})
	if err != nil {
		t.Fatal(err)
	}
	inner, err := conf.GetConfigForClient(nil)
	if err != nil || inner.ClientAuth != tls.VerifyClientCertIfGiven || inner.MinVersion != tls.VersionTLS13 || conf.MinVersion != tls.VersionTLS13 {
		t.Errorf("%+v, %v", inner, err)
	}
	for _, f := range []TLSFiles{{Certificate: certificate, Key: key, ClientAuthority: key}, {Certificate: key, Key: key}, {Certificate: certificate, Key: filepath.Join(dir, "absent")}} {
		if _, err := NewTLS(f, func(error) {}); err == nil {
			t.Errorf("%+v is accepted", f)
		}
	}
}
