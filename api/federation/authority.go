package federation

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// How long certificates are valid. A server's and a node's are made anew when a third of
// their time is left: the server's by itself, a node's when it enrols again.
const (
	AuthorityLife = 10 * 365 * 24 * time.Hour
	ServerLife    = 90 * 24 * time.Hour
	NodeLife      = 365 * 24 * time.Hour
)

// AuthorityOptions say where an authority is kept and how its server is called.
type AuthorityOptions struct {
	// Dir holds ca.key, ca.crt, server.key, server.crt and enrolments/. Required.
	Dir string
	// Hosts are the names and IP addresses that nodes reach the server by. Required.
	Hosts []string
	// MaxPending is how many enrolments may wait for approval; default 64. One more
	// takes the place of the oldest.
	MaxPending int
	Now        func() time.Time // default time.Now
}

// Authority is the coordinator's certificate authority, ECDSA on P-256. It is for
// transport alone: no key on a job card rests on it. It is safe for concurrent use.
type Authority struct {
	o      AuthorityOptions
	ca     *tls.Certificate
	mu     sync.Mutex
	server *tls.Certificate
	all    map[string]*enrolled // by id
}

// OpenAuthority makes the authority and the server's certificate on first use, and
// takes them and all enrolments up afterwards. The server's certificate is made anew
// when it runs out or the hosts are others. ErrOptions, or the file that is unusable.
func OpenAuthority(o AuthorityOptions) (*Authority, error) {
	if o.Dir == "" || len(o.Hosts) == 0 || slices.Contains(o.Hosts, "") {
		return nil, fmt.Errorf("%w: an authority needs a folder and the server's host names", ErrOptions)
	}
	if o.MaxPending <= 0 {
		o.MaxPending = 64
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &Authority{o: o, all: map[string]*enrolled{}}
	if err := os.MkdirAll(a.path("enrolments"), 0o700); err != nil {
		return nil, err
	}
	var err error
	if a.ca, err = loadPair(a.path("ca.crt"), a.path("ca.key")); errors.Is(err, os.ErrNotExist) {
		err = a.makeAuthority()
	}
	if err != nil {
		return nil, err
	}
	if !a.o.Now().Before(a.ca.Leaf.NotAfter) {
		return nil, fmt.Errorf("%w: the authority's certificate has expired", ErrOptions)
	}
	if a.server, err = loadPair(a.path("server.crt"), a.path("server.key")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if _, err := a.serverCertificate(); err != nil {
		return nil, err
	}
	return a, a.loadEnrolments()
}

func (a *Authority) path(name string) string { return filepath.Join(a.o.Dir, name) }

// Certificate is the authority's certificate in PEM: what nodes are given.
func (a *Authority) Certificate() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.ca.Leaf.Raw})
}

// Fingerprint is the SHA-256 of the authority's certificate (DER) in hexadecimal: what
// [PinnedAuthority] wants.
func (a *Authority) Fingerprint() string { return fingerprintOf(a.ca.Leaf) }

func fingerprintOf(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}

// TLS is the server's configuration: TLS 1.3, and client certificates of this authority,
// checked where they are given. Whether a node must give one is for the [Handler] to
// say, since enrolment cannot ask for what it has yet to hand out.
func (a *Authority) TLS() *tls.Config {
	nodes := x509.NewCertPool()
	nodes.AddCert(a.ca.Leaf)
	return &tls.Config{
		MinVersion: tls.VersionTLS13, ClientCAs: nodes, ClientAuth: tls.VerifyClientCertIfGiven, Time: a.o.Now,
		NextProtos:     []string{"http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return a.serverCertificate() },
	}
}

// serverCertificate is the server's, made anew when it is due.
func (a *Authority) serverCertificate() (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if s := a.server; s != nil && !due(s.Leaf, a.o.Now()) && a.serves(s.Leaf) {
		return s, nil
	}
	server, err := a.makeServer()
	if err != nil {
		return nil, err
	}
	a.server = server
	return server, nil
}

// due says whether a third or less of a certificate's time is left.
func due(c *x509.Certificate, now time.Time) bool {
	return c.NotAfter.Sub(now) <= c.NotAfter.Sub(c.NotBefore)/3
}

// serves says whether a server's certificate is for the hosts and of this authority.
func (a *Authority) serves(c *x509.Certificate) bool {
	names, ips := split(a.o.Hosts)
	return slices.Equal(c.DNSNames, names) && slices.EqualFunc(c.IPAddresses, ips, net.IP.Equal) && c.CheckSignatureFrom(a.ca.Leaf) == nil
}

// split tells addresses from names.
func split(hosts []string) (names []string, ips []net.IP) {
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			ips = append(ips, ip)
		} else {
			names = append(names, h)
		}
	}
	return names, ips
}
