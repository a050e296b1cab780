package openid

import (
	"context"
	"crypto/subtle"
	"errors"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/qunxiang/qunxiang/api"
)

// Begin gives the address to send a browser to, and what Finish needs to know its
// own: the state, the nonce and the PKCE verifier are fresh random texts.
func (p *Provider) Begin(ctx context.Context) (string, api.Attempt, error) {
	if p.o.ClientID == "" {
		return "", api.Attempt{}, api.ErrToken
	}
	f, err := p.discover(ctx)
	if err != nil {
		return "", api.Attempt{}, err
	}
	a := api.Attempt{State: oauth2.GenerateVerifier(), Nonce: oauth2.GenerateVerifier(), Verifier: oauth2.GenerateVerifier()}
	return f.flow.AuthCodeURL(a.State, oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)), a, nil
}

// Finish redeems the code that came back for an ID token and gives the principal of
// its account, or api.ErrToken. Any other error means that the provider cannot be
// asked. The state is checked by who keeps the attempt.
func (p *Provider) Finish(ctx context.Context, code string, a api.Attempt) (string, func() bool, error) {
	f, err := p.discover(ctx)
	if err != nil {
		return "", nil, err
	}
	tokens, err := f.flow.Exchange(oidc.ClientContext(ctx, p.o.Client), code, oauth2.VerifierOption(a.Verifier))
	var answered *oauth2.RetrieveError
	switch {
	case errors.As(err, &answered) && answered.Response.StatusCode < 500:
		return "", nil, api.ErrToken
	case err != nil:
		return "", nil, errProvider
	}
	raw, _ := tokens.Extra("id_token").(string)
	if raw == "" || len(raw) > maxToken {
		return "", nil, api.ErrToken
	}
	t, err := f.identity.Verify(ctx, raw)
	if err != nil {
		return "", nil, p.rejected()
	}
	if a.Nonce == "" || subtle.ConstantTimeCompare([]byte(t.Nonce), []byte(a.Nonce)) != 1 {
		return "", nil, api.ErrToken
	}
	who, err := p.principal(t)
	return who, func() bool { return p.o.Account(t.Issuer, t.Subject) == who }, err
}
