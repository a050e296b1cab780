package federation

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"time"
)

// backdate is how far before now certificates begin, for clocks that are behind.
const backdate = time.Hour

// makeAuthority makes the authority's key and certificate.
func (a *Authority) makeAuthority() error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	t := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "Qunxiang transport authority"},
		BasicConstraintsValid: true, IsCA: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign,
	}
	cert, err := a.issue(t, t, key.Public(), key, AuthorityLife)
	if err != nil {
		return err
	}
	a.ca, err = storePair(a.path("ca.crt"), a.path("ca.key"), key, cert)
	return err
}

// makeServer makes a new key and certificate for the server. The authority's comes
// with it, so that a first contact can compare its fingerprint.
func (a *Authority) makeServer() (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		Subject: pkix.Name{CommonName: "Qunxiang coordinator"}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	t.DNSNames, t.IPAddresses = split(a.o.Hosts)
	cert, err := a.issue(t, a.ca.Leaf, key.Public(), a.ca.PrivateKey, ServerLife)
	if err != nil {
		return nil, err
	}
	return storePair(a.path("server.crt"), a.path("server.key"), key, cert, a.ca.Leaf.Raw)
}

// makeNode certifies a node's key for its name, for clients only.
func (a *Authority) makeNode(e *Enrolment) ([]byte, error) {
	csr, err := x509.ParseCertificateRequest(e.Request)
	if err != nil {
		return nil, err
	}
	// Nothing of the request but the key is taken over.
	t := &x509.Certificate{
		Subject: pkix.Name{CommonName: e.Name}, DNSNames: []string{e.Name}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	return a.issue(t, a.ca.Leaf, csr.PublicKey, a.ca.PrivateKey, NodeLife)
}

// issue signs a certificate that is valid from backdate ago; it does not outlive the
// authority.
func (a *Authority) issue(t, parent *x509.Certificate, public, signer any, life time.Duration) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	now := a.o.Now().UTC()
	t.SerialNumber, t.NotBefore, t.NotAfter = serial.Add(serial, big.NewInt(1)), now.Add(-backdate), now.Add(life)
	if parent != t && t.NotAfter.After(parent.NotAfter) {
		t.NotAfter = parent.NotAfter
	}
	return x509.CreateCertificate(rand.Reader, t, parent, public, signer)
}

// storePair writes a key and its chain, the key first: a certificate without its key
// would be taken for damage, a key without certificate is made anew.
func storePair(certPath, keyPath string, key crypto.Signer, chain ...[]byte) (*tls.Certificate, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	var text []byte
	for _, c := range chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c})...)
	}
	if err := writeFile(keyPath, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})); err != nil {
		return nil, err
	}
	if err := writeFile(certPath, text); err != nil {
		return nil, err
	}
	return loadPair(certPath, keyPath)
}

// loadPair reads a certificate with its key. os.ErrNotExist where there is no
// certificate.
func loadPair(certPath, keyPath string) (*tls.Certificate, error) {
	if _, err := os.Stat(certPath); err != nil {
		return nil, err
	}
	pair, err := tls.LoadX509KeyPair(certPath, keyPath)
	if err != nil {
		return nil, fmt.Errorf("%w: %s and its key: %v", ErrOptions, certPath, err) // not ErrNotExist: nothing is made anew over a loss
	}
	return &pair, nil
}

// writeFile replaces a file whole and durably, readable by its owner alone.
func writeFile(path string, b []byte) error {
	f, err := os.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return err
	}
	return syncFolder(filepath.Dir(path))
}

func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
