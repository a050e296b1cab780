package federation

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"time"
)

// PinnedAuthority makes first contact with a coordinator: it fetches the authority's
// certificate, in PEM, and returns it only if its SHA-256 is the fingerprint (64
// hexadecimal digits, which the coordinator's operator has told by another way) and the
// server shows a certificate of it for its name. ErrAnswer if not: another coordinator, or a
// proxy that opens TLS, whose authority has then to be given as a file.
func PinnedAuthority(ctx context.Context, url, fingerprint string) ([]byte, error) {
	u, err := baseURL(url)
	if err != nil {
		return nil, err
	}
	want := joined(fingerprint)
	if len(want) != 64 {
		return nil, fmt.Errorf("%w: a fingerprint has 64 hexadecimal digits", ErrOptions)
	}
	var ca *x509.Certificate
	conf := &tls.Config{
		MinVersion: tls.VersionTLS13, InsecureSkipVerify: true, // VerifyConnection does it, with the pinned authority
		VerifyConnection: func(s tls.ConnectionState) (err error) {
			ca, err = pinned(s, u.Hostname(), want)
			return err
		},
	}
	client := httpClient(conf, 30*time.Second)
	defer client.CloseIdleConnections()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String()+root+"jobs", nil)
	if err != nil {
		return nil, err
	}
	res, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	if err := res.Body.Close(); err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}), nil
}

// pinned finds the authority of the fingerprint in what a server shows, and verifies
// the server by it and nothing else.
func pinned(s tls.ConnectionState, host, want string) (*x509.Certificate, error) {
	for _, c := range s.PeerCertificates {
		if fingerprintOf(c) != want || !c.IsCA {
			continue
		}
		roots := x509.NewCertPool()
		roots.AddCert(c)
		_, err := s.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, DNSName: host})
		if err != nil {
			return nil, fmt.Errorf("%w: the server's certificate: %w", ErrAnswer, err)
		}
		return c, nil
	}
	return nil, fmt.Errorf("%w: the server shows no authority of this fingerprint", ErrAnswer)
}
