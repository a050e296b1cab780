package openid

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/qunxiang/qunxiang/api"
)

// Options say which provider is trusted and for what.
type Options struct {
	// Issuer is the provider's issuer identifier, as it stands in its tokens.
	// Required; https, or http on this machine.
	Issuer string
	// Audience is what access tokens must be made for, "" where none are taken.
	Audience string
	// ClientID is this server's at the provider, for sign-in; "" for no sign-in.
	ClientID string
	// ClientSecret authenticates this server; "" for a public client, whom PKCE
	// alone protects.
	ClientSecret string
	// Redirect is where the provider sends browsers back: the server's public
	// address and /session/return. Required for sign-in.
	Redirect string
	// Account gives the principal of an account, "" for nobody's. Required.
	Account func(issuer, subject string) string
	// Client fetches from the provider; default one that gives up after 10 s.
	Client *http.Client
	Now    func() time.Time // default time.Now
}

// trust is how long the provider's metadata and keys count before they are fetched
// again: a key that the provider withdrew is believed no longer than this.
const trust = 15 * time.Minute

// maxToken is the longest token that is looked at, in bytes.
const maxToken = 16 << 10

// Provider checks what one OpenID provider says. It is safe for concurrent use.
// Nothing is fetched before it is needed, so that a server starts while the
// provider is away.
type Provider struct {
	o       Options
	fetcher *fetcher

	mu     sync.Mutex
	found  *found
	failed error // of the last discovery
	next   time.Time
}

// found is what discovery gave.
type found struct {
	access, identity *oidc.IDTokenVerifier
	flow             oauth2.Config
}

var (
	_ api.TokenStore = (*Provider)(nil)
	_ api.SignIn     = (*Provider)(nil)
)

// errProvider is what cannot be decided while the provider is away.
var errProvider = errors.New("the OpenID provider cannot be reached")

// New checks the options. Nothing is sent.
func New(o Options) (*Provider, error) {
	switch {
	case o.Account == nil:
		return nil, errors.New("openid: accounts are needed")
	case !safe(o.Issuer):
		return nil, errors.New("openid: the issuer is an address like https://login.example.org, without a query")
	case o.Audience == "" && o.ClientID == "":
		return nil, errors.New("openid: give an audience for programs, a client id for browsers, or both")
	case o.Audience == o.ClientID:
		return nil, errors.New("openid: the audience must differ from the client id: an ID token would pass for an access token")
	case o.ClientID != "" && !safe(o.Redirect):
		return nil, errors.New("openid: sign-in needs the address to which browsers return, https unless it is on this machine")
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 10 * time.Second}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	f := newFetcher(o.Client.Transport)
	client := *o.Client
	client.Transport = f
	o.Client = &client
	return &Provider{o: o, fetcher: f}, nil
}

// safe says that an address is https, or http on this machine.
func safe(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && api.Loopback(u.Hostname())
}

// Principal is the principal of an access token's account, or api.ErrToken. Any
// other error means that the provider cannot be asked.
func (p *Provider) Principal(ctx context.Context, token string) (string, error) {
	if p.o.Audience == "" || strings.Count(token, ".") != 2 || len(token) > maxToken {
		return "", api.ErrToken
	}
	f, err := p.discover(ctx)
	if err != nil {
		return "", err
	}
	t, err := f.access.Verify(ctx, token)
	if err != nil {
		return "", p.rejected()
	}
	return p.principal(t)
}

// rejected is api.ErrToken, unless the keys could not be fetched: then nobody knows.
func (p *Provider) rejected() error {
	if p.fetcher.away() {
		return errProvider
	}
	return api.ErrToken
}

func (p *Provider) principal(t *oidc.IDToken) (string, error) {
	who := p.o.Account(t.Issuer, t.Subject)
	if who == "" || t.Subject == "" {
		return "", api.ErrToken
	}
	return who, nil
}

// retry is how long after a failed discovery the next one is tried.
const retry = 5 * time.Second

// discover gives the provider's metadata, fetched when it is missing or old. Keys are
// fetched when a token first names them, and again with the metadata.
func (p *Provider) discover(ctx context.Context) (*found, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.o.Now()
	if now.Before(p.next) {
		return p.found, p.failed
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	ctx = oidc.ClientContext(ctx, p.o.Client)
	provider, err := oidc.NewProvider(ctx, p.o.Issuer)
	if err != nil {
		p.found, p.failed, p.next = nil, fmt.Errorf("%w: discovery failed", errProvider), now.Add(retry)
		return nil, p.failed
	}
	config := func(audience string) *oidc.IDTokenVerifier {
		return provider.VerifierContext(ctx, &oidc.Config{ClientID: audience, Now: p.o.Now})
	}
	p.found = &found{access: config(p.o.Audience), identity: config(p.o.ClientID)}
	p.found.flow = oauth2.Config{
		ClientID: p.o.ClientID, ClientSecret: p.o.ClientSecret, RedirectURL: p.o.Redirect,
		Endpoint: provider.Endpoint(), Scopes: []string{oidc.ScopeOpenID},
	}
	p.failed, p.next = nil, now.Add(trust)
	return p.found, nil
}
