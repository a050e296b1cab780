package federation

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/qunxiang/qunxiang/api"
)

// ErrOptions: options of a client, handler or authority that cannot be used.
var ErrOptions = errors.New("federation: unusable options")

// ErrAnswer: an answer of the server that is too long, cannot be read or is not what
// was asked for. A node tries again after it.
var ErrAnswer = errors.New("federation: unusable answer")

// ClientOptions say which coordinator a client calls and as whom. A node has Key and,
// where the network lets it through, Certificate; an administrator has AdminToken.
type ClientOptions struct {
	URL string // such as https://coordinator.example:8443. Required.
	// CA is the coordinator's authority in PEM, or that of a proxy that opens TLS. The
	// system's authorities are never asked. Required for https.
	CA          []byte
	Certificate *tls.Certificate // of the enrolment, with its key; nil for none
	Key         crypto.Signer    // Ed25519, the node's message key; nil for an administrator
	AdminToken  string           // "" for a node
	// Timeout is the most one call may take; default 2 minutes.
	Timeout time.Duration
	Now     func() time.Time // default time.Now
}

// Client calls one coordinator. It goes through HTTPS_PROXY if that is set, and follows
// no redirect. It is safe for concurrent use.
type Client struct {
	base  *url.URL
	o     ClientOptions
	http  *http.Client
	roots *x509.CertPool
	// certificate is shown at the next handshake; nil for none.
	certificate atomic.Pointer[tls.Certificate]
}

// NewClient checks the options; nothing is sent. ErrOptions.
func NewClient(o ClientOptions) (*Client, error) {
	u, err := baseURL(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Timeout <= 0 {
		o.Timeout = 2 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Key != nil {
		if _, ok := o.Key.Public().(ed25519.PublicKey); !ok {
			return nil, fmt.Errorf("%w: the message key is not Ed25519", ErrOptions)
		}
	}
	c := &Client{base: u, o: o, roots: x509.NewCertPool()}
	if !c.roots.AppendCertsFromPEM(o.CA) {
		return nil, fmt.Errorf("%w: the authority's certificate is missing or not PEM", ErrOptions)
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: c.roots, Time: o.Now}
	c.certificate.Store(o.Certificate)
	conf.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if now := c.certificate.Load(); now != nil {
			return now, nil
		}
		return &tls.Certificate{}, nil // none is shown
	}
	c.http = httpClient(conf, o.Timeout)
	return c, nil
}

// baseURL wants https and a host, and nothing else.
func baseURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("%w: the coordinator is an address like https://host:port", ErrOptions)
	}
	u.Path = ""
	return u, nil
}

func httpClient(conf *tls.Config, timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: conf, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
			TLSHandshakeTimeout: 15 * time.Second, MaxResponseHeaderBytes: 32 << 10, DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Renew shows another certificate from the next connection on, and ends those that are
// idle.
func (c *Client) Renew(certificate *tls.Certificate) {
	c.certificate.Store(certificate)
	c.http.CloseIdleConnections()
}

// Close ends the connections that are kept open.
func (c *Client) Close() { c.http.CloseIdleConnections() }

const (
	root        = "/v1/federated/"
	mediaJSON   = "application/json"
	mediaBinary = "application/octet-stream"
)

// call makes one request and gives the body of its answer, of at most so many bytes. A
// *api.Problem for a refusal, ErrAnswer for a success that cannot be used.
func (c *Client) call(ctx context.Context, method, path string, body []byte, media string, most int64) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.base.String()+root+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if body != nil {
		r.Header.Set("Content-Type", media)
	}
	r.Header.Set("User-Agent", "qunxiang")
	switch {
	case c.o.AdminToken != "":
		r.Header.Set("Authorization", "Bearer "+c.o.AdminToken)
	case c.o.Key != nil:
		if err := sign(r, body, c.o.Key, c.o.Now()); err != nil {
			return nil, err
		}
	}
	res, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		return nil, api.ReadProblem(res, maxProblem)
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, most+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrAnswer, err)
	case int64(len(b)) > most:
		return nil, fmt.Errorf("%w: of more than %d bytes", ErrAnswer, most)
	}
	return b, nil
}

// The longest answers that are read, in bytes.
const (
	maxProblem = 16 << 10
	maxCard    = 1 << 20
	maxList    = 2 << 20
	maxListed  = 4096 // entries
)

// callJSON reads a JSON answer.
func (c *Client) callJSON(ctx context.Context, method, path string, body []byte, most int64, out any) error {
	b, err := c.call(ctx, method, path, body, mediaJSON, most)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, out); err != nil {
		return fmt.Errorf("%w: not the JSON of this kind", ErrAnswer)
	}
	return nil
}

// list reads an object with one array of the path's name. It is decoded one by one, so
// that a hostile answer cannot become much larger in memory than it is.
func list[T any](ctx context.Context, c *Client, path string) ([]T, error) {
	b, err := c.call(ctx, http.MethodGet, path, nil, "", maxList)
	if err != nil {
		return nil, err
	}
	bad := fmt.Errorf("%w: not a list of %s", ErrAnswer, path)
	d := json.NewDecoder(bytes.NewReader(b))
	for _, want := range []json.Token{json.Delim('{'), path, json.Delim('[')} {
		if got, err := d.Token(); err != nil || got != want {
			return nil, bad
		}
	}
	var out []T
	for d.More() {
		var one T
		if len(out) == maxListed || d.Decode(&one) != nil {
			return nil, bad
		}
		out = append(out, one)
	}
	for _, want := range []json.Token{json.Delim(']'), json.Delim('}')} {
		if got, err := d.Token(); err != nil || got != want {
			return nil, bad
		}
	}
	return out, nil
}
