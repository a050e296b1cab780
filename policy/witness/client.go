package witness

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// ClientOptions say which witness to ask and how.
type ClientOptions struct {
	// URL is the witness's submission prefix, as https://witness.example.org/. Plain
	// HTTP is for the loopback and for networks that protect it otherwise: what a
	// witness gives out is signed, but its refusals are not. Required.
	URL string
	Key string // verifier key of the witness. Required.
	// TLS is for witnesses whose authority the system does not know; default the system's.
	TLS *tls.Config
	// Timeout bounds one request, in full; default 10 s.
	Timeout time.Duration
	// Now is the clock, default the system's. A cosignature must be of this time, give
	// or take Skew.
	Now func() time.Time
}

// Client asks one witness. It is safe for concurrent use.
type Client struct {
	url  string
	key  *CosignatureVerifier
	http *http.Client
	now  func() time.Time
}

// NewClient checks the options: ErrKey for a key or an address that is none.
func NewClient(o ClientOptions) (*Client, error) {
	v, err := NewCosignatureVerifier(o.Key)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(o.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.User != nil {
		return nil, fmt.Errorf("%w: the address of %s must read https://HOST/", ErrKey, v.name)
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: o.TLS, ForceAttemptHTTP2: true,
		MaxIdleConnsPerHost: 2, IdleConnTimeout: 90 * time.Second, MaxResponseHeaderBytes: 16 << 10}
	return &Client{url: strings.TrimSuffix(o.URL, "/"), key: v, now: o.Now, http: &http.Client{
		Transport: transport, Timeout: o.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// Name is the witness's name.
func (c *Client) Name() string { return c.key.name }

// Key is the witness's verifier key.
func (c *Client) Key() string { return c.key.Key() }

// Close lets idle connections go.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Add asks for a cosignature of a checkpoint that continues the one with old leaves.
// What it gives is one signature line, of the witness's key, verified over this
// checkpoint and of this time. A refusal is the error that the witness refused with (a
// *ConflictError names the size it knows), all else is ErrAnswer.
func (c *Client) Add(ctx context.Context, old int64, proof []tlog.Hash, checkpoint []byte) ([]byte, error) {
	text, _, err := splitNote(checkpoint)
	if err != nil {
		return nil, err
	}
	body := Request{Old: old, Proof: proof, Checkpoint: checkpoint}.Format()
	answer, err := c.do(ctx, http.MethodPost, "/add-checkpoint", body)
	if err != nil {
		return nil, err
	}
	n, err := c.open(text + "\n" + string(answer))
	if err != nil {
		return nil, err
	}
	sig, _ := signatureOf(n, c.key)
	return []byte(signatureLine(c.key.name, c.key.KeyHash(), sig)), nil
}

// Newest asks for the newest checkpoint of a log that the witness has cosigned. It is
// verified by the witness's key and of this time; whether the log signed it is for the
// caller to see. It is nil where the witness knows the log and has cosigned nothing yet.
func (c *Client) Newest(ctx context.Context, origin string) ([]byte, error) {
	answer, err := c.do(ctx, http.MethodGet, "/"+OriginHash(origin)+"/checkpoint", nil)
	if err != nil {
		return nil, err
	}
	if answer == nil {
		return nil, nil
	}
	n, err := c.open(string(answer))
	if err != nil {
		return nil, err
	}
	if at, err := ParseCheckpoint(n.Text); err != nil || at.Origin != origin {
		return nil, fmt.Errorf("%w from %s: another log's checkpoint", ErrAnswer, c.key.name)
	}
	return answer, nil
}

// open verifies the witness's cosignature and its time.
func (c *Client) open(text string) (*note.Note, error) {
	n, err := note.Open([]byte(text), note.VerifierList(c.key))
	if err != nil {
		return nil, fmt.Errorf("%w from %s: it does not carry the cosignature of its key", ErrAnswer, c.key.name)
	}
	at, ok := c.key.Time(n)
	if off := at.Sub(c.now()); !ok || off.Abs() > Skew {
		return nil, fmt.Errorf("%w from %s: its cosignature is of %s, which is not now: %w, or the answer is old", ErrAnswer, c.key.name, at.Format(time.RFC3339), ErrClock)
	}
	return n, nil
}

// do sends a request and gives the body of its success.
func (c *Client) do(ctx context.Context, method, path string, body []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%w from %s: %w", ErrAnswer, c.key.name, err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "text/plain; charset=utf-8")
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("%w from %s: %w", ErrAnswer, c.key.name, err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(io.LimitReader(answer.Body, MaxRequest+1))
	if err != nil {
		return nil, fmt.Errorf("%w from %s: %w", ErrAnswer, c.key.name, err)
	}
	if len(b) > MaxRequest {
		return nil, fmt.Errorf("%w from %s: it does not end", ErrAnswer, c.key.name)
	}
	switch {
	case answer.StatusCode == http.StatusOK:
		return b, nil
	case answer.StatusCode == http.StatusNoContent && method == http.MethodGet:
		return nil, nil
	}
	return nil, fmt.Errorf("%s: %w", c.key.name, refusal(answer, b))
}

// refusal is the error that an answer stands for.
func refusal(answer *http.Response, body []byte) error {
	switch answer.StatusCode {
	case http.StatusConflict:
		if answer.Header.Get("Content-Type") != sizeType {
			return ErrFork
		}
		text, ended := strings.CutSuffix(string(body), "\n")
		size, err := parseSize(text)
		if err != nil || !ended {
			return fmt.Errorf("%w: a size that is none", ErrAnswer)
		}
		return &ConflictError{Size: size}
	case http.StatusBadRequest:
		return ErrMalformed
	case http.StatusForbidden:
		return ErrSignature
	case http.StatusNotFound:
		return ErrUnknownLog
	case http.StatusUnprocessableEntity:
		return ErrProof
	case http.StatusInternalServerError:
		return ErrState
	}
	return errors.Join(ErrAnswer, fmt.Errorf("HTTP status %d", answer.StatusCode))
}
