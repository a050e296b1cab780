package api

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/qunxiang/qunxiang/queries"
)

// ClientOptions say which server a Client talks to.
type ClientOptions struct {
	Server string // Required. Such as https://host or http://127.0.0.1:8080
	Token  string // Required, unless there is a certificate or Public.
	Public bool   // For what everybody may read: nothing is shown.
	// Certificate is the client's own, with its key; default none.
	Certificate *tls.Certificate
	// Authorities vouch for the server; default this machine's.
	Authorities *x509.CertPool
	// Insecure allows plain HTTP to hosts other than this one: the token and
	// the answers are then readable on the way.
	Insecure bool
	HTTP     *http.Client // default a client of the certificate and authorities, without redirects
}

// Client talks to a Server. Refusals come back as *Problem.
type Client struct {
	base  *url.URL
	token string
	http  *http.Client
}

// ErrInsecure means that a token would travel unencrypted.
var ErrInsecure = errors.New("plain http is for this machine only: use https")

// NewClient checks the options and makes a client. Nothing is sent.
func NewClient(o ClientOptions) (*Client, error) {
	u, err := url.Parse(o.Server)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.User != nil, u.RawQuery != "", u.Fragment != "":
		return nil, errors.New("the server is an address like https://host:port")
	case u.Scheme == "http" && !o.Insecure && !Loopback(u.Hostname()):
		return nil, ErrInsecure
	case o.Token == "" && o.Certificate == nil && !o.Public:
		return nil, errors.New("a token or a client certificate is needed")
	case o.Certificate != nil && u.Scheme != "https":
		return nil, errors.New("a client certificate needs https")
	}
	c := &Client{base: u, token: o.Token, http: o.HTTP}
	if c.http == nil {
		// A redirect would carry the token to another place.
		c.http = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		if o.Certificate != nil || o.Authorities != nil {
			c.http.Transport = o.transport()
		}
	}
	return c, nil
}

func (o *ClientOptions) transport() http.RoundTripper {
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: time.Minute,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: o.Authorities},
	}
	if o.Certificate != nil {
		t.TLSClientConfig.Certificates = []tls.Certificate{*o.Certificate}
	}
	return t
}

// Loopback says that a host is this machine.
func Loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Templates lists the approved templates.
func (c *Client) Templates(ctx context.Context) (TemplateList, error) {
	var out TemplateList
	return out, c.call(ctx, http.MethodGet, "/v1/templates", nil, nil, &out)
}

// Template tells what a template takes and gives.
func (c *Client) Template(ctx context.Context, ref string) (queries.Description, error) {
	var out queries.Description
	return out, c.call(ctx, http.MethodGet, "/v1/templates/"+url.PathEscape(ref), nil, nil, &out)
}

// Register reads a page of the public register; 1 is the newest.
func (c *Client) Register(ctx context.Context, page int) (*RegisterPage, error) {
	out := &RegisterPage{}
	return out, c.call(ctx, http.MethodGet, "/v1/register?page="+strconv.Itoa(page), nil, nil, out)
}

// Estimate prices a request.
func (c *Client) Estimate(ctx context.Context, r queries.Request) (*queries.Estimate, error) {
	out := &queries.Estimate{}
	return out, c.call(ctx, http.MethodPost, "/v1/estimates", nil, body(r), out)
}

// Ask charges and starts a request. With an idempotency key it can be repeated
// after a broken connection.
func (c *Client) Ask(ctx context.Context, r queries.Request, idempotency string) (queries.Ticket, error) {
	var h http.Header
	if idempotency != "" {
		h = http.Header{"Idempotency-Key": {idempotency}}
	}
	var out queries.Ticket
	return out, c.call(ctx, http.MethodPost, "/v1/queries", h, body(r), &out)
}

// Status tells where a request stands.
func (c *Client) Status(ctx context.Context, id string) (queries.Ticket, error) {
	var out queries.Ticket
	return out, c.call(ctx, http.MethodGet, "/v1/queries/"+url.PathEscape(id), nil, nil, &out)
}

// Cancel ends the interest in a request. What it was charged stays spent, and
// the answer still appears at its slot.
func (c *Client) Cancel(ctx context.Context, id string) (queries.Ticket, error) {
	var out queries.Ticket
	return out, c.call(ctx, http.MethodDelete, "/v1/queries/"+url.PathEscape(id), nil, nil, &out)
}

// Budgets tells what every scope that was ever charged has left.
func (c *Client) Budgets(ctx context.Context) ([]queries.ScopeShare, error) {
	var out struct {
		Budgets []queries.ScopeShare `json:"budgets"`
	}
	err := c.call(ctx, http.MethodGet, "/v1/budgets", nil, nil, &out)
	return out.Budgets, err
}

// Release fetches the answer to a request, by the id of its ticket. The digest
// the server states is checked.
func (c *Client) Release(ctx context.Context, id string, f Format) ([]byte, error) {
	return c.fetch(ctx, "/v1/releases/"+url.PathEscape(id)+"."+string(f))
}

// Receipt fetches the receipt of an answer.
func (c *Client) Receipt(ctx context.Context, id string) ([]byte, error) {
	return c.fetch(ctx, "/v1/releases/"+url.PathEscape(id)+"/receipt")
}

// Log fetches a file of the published log: checkpoint, or a tile as C2SP tlog-tiles names
// it.
func (c *Client) Log(ctx context.Context, name string) ([]byte, error) {
	return c.fetch(ctx, "/v1/log/"+name)
}

// maxAnswer bounds what a client reads, in bytes.
const maxAnswer = 256 << 20

func (c *Client) fetch(ctx context.Context, path string) ([]byte, error) {
	res, err := c.send(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err != nil {
		return nil, fmt.Errorf("reading the answer: %w", err)
	}
	if len(b) > maxAnswer {
		return nil, errors.New("the answer is larger than 256 MiB")
	}
	sum := sha256.Sum256(b)
	want := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
	if stated := res.Header.Get("Repr-Digest"); stated != "" && stated != want {
		return nil, errors.New("the answer does not have the digest that the server states")
	}
	return b, nil
}

// call sends a request with a JSON body, if there is one, and reads a JSON answer.
func (c *Client) call(ctx context.Context, method, path string, h http.Header, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("the request cannot be written as JSON: %w", err)
		}
	}
	res, err := c.send(ctx, method, path, h, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if err := json.NewDecoder(io.LimitReader(res.Body, maxAnswer)).Decode(out); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	return nil
}

// send gives the response if it is a success, and else its problem.
func (c *Client) send(ctx context.Context, method, path string, h http.Header, body []byte) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.base.String(), "/")+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	for name, values := range h {
		r.Header[name] = values
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(r)
	if err != nil {
		return nil, err
	}
	if res.StatusCode/100 == 2 {
		return res, nil
	}
	defer res.Body.Close()
	return nil, ReadProblem(res, 1<<20)
}
