package api

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"

	"github.com/qunxiang/qunxiang/api/door"
)

// Marks of operations, in their metadata.
const (
	public    = "public"    // needs no token
	streaming = "streaming" // has no time limit
)

type callerKey struct{}

// caller is the principal that authenticate found.
func caller(ctx context.Context) string {
	name, _ := ctx.Value(callerKey{}).(string)
	return name
}

// authenticate finds out who sends the request. Operations need somebody unless
// they are marked public. A credential that is unknown, expired or of a principal
// who has left the policy gets the same answer as none.
func (s *Server) authenticate(ctx huma.Context, next func(huma.Context)) {
	if ctx.Operation().Metadata[public] == true {
		next(ctx)
		return
	}
	c := humaecho.Unwrap(ctx)
	// Whoever only waits does nothing: a stream that is opened again does not keep a session.
	principal, p := s.admit(c, ctx.Operation().Metadata[streaming] != true)
	if p != nil {
		s.refuse(c, p)
		return
	}
	door.Known(ctx.Context())
	next(huma.WithValue(ctx, callerKey{}, principal))
}

// admit gives the principal of a request that may go on, or the problem. Where somebody does
// something with it, a session is used by it.
func (s *Server) admit(c echo.Context, use bool) (string, *Problem) {
	session := s.sessions.principal
	if !use {
		session = s.sessions.look
	}
	principal, err := s.identify(c.Request(), session)
	organisation := ""
	if err == nil {
		organisation = s.Policy.Organisation(principal)
	}
	switch {
	case err != nil && !errors.Is(err, ErrToken):
		s.Log.Error("a credential cannot be judged", "error", err) // names a file or a provider, never a token
		return "", unavailable.problem()
	case organisation == "":
		if !s.strangers.allow(peer(c.Request())) {
			return "", tooFast.problem()
		}
		return "", unauthenticated.problem()
	case !s.organisations.allow(organisation):
		return "", tooFast.problem()
	}
	c.Set(principalKey, principal)
	return principal, nil
}

// identify gives the one principal of all the credentials that a request shows: a
// bearer token, a session, and a client certificate whose key is pinned. ErrToken
// where there is none, where one is not accepted, and where two are of different
// principals. A certificate of nobody's is the transport's affair and shows nobody.
func (s *Server) identify(r *http.Request, session func(*http.Request) (name string, shown bool)) (string, error) {
	var who []string
	if len(r.Header.Values("Authorization")) > 0 {
		name, err := s.Tokens.Principal(r.Context(), bearer(r))
		if err != nil {
			return "", err
		}
		who = append(who, name)
	}
	if name, shown := session(r); shown {
		who = append(who, name)
	}
	if name, err := s.certified(r); err != nil || name != "" {
		if err != nil {
			return "", err
		}
		who = append(who, name)
	}
	for _, name := range who {
		if name == "" || name != who[0] {
			return "", ErrToken
		}
	}
	if len(who) == 0 {
		return "", ErrToken
	}
	return who[0], nil
}

// holds says whether a request that was let in as a principal's would be let in now: its
// credentials are accepted still, and the policy knows the principal. A session is not
// taken for used by it. What cannot be judged does not hold.
func (s *Server) holds(r *http.Request, principal string) bool {
	name, err := s.identify(r, s.sessions.look)
	return err == nil && name == principal && s.Policy.Organisation(principal) != ""
}

// certified is the principal to whom the key of the client's certificate is pinned.
// That the client has the key, TLS has shown.
func (s *Server) certified(r *http.Request) (string, error) {
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		return "", nil
	}
	leaf := r.TLS.PeerCertificates[0]
	name := s.Policy.ByCertificate(KeyName(leaf))
	if now := s.Now(); name != "" && (now.Before(leaf.NotBefore) || now.After(leaf.NotAfter)) {
		return "", ErrToken
	}
	return name, nil
}

// KeyName names the key of a certificate as a policy pins it: "sha256:" and the
// SHA-256 of the SubjectPublicKeyInfo in hex, as in RFC 7469.
func KeyName(c *x509.Certificate) string {
	sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
	return digestPrefix + hex.EncodeToString(sum[:])
}

// bearer is the token of the one Authorization header (RFC 6750), or "".
func bearer(r *http.Request) string {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return ""
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

// limited gives every operation that does not stream its time limit.
func (s *Server) limited(ctx huma.Context, next func(huma.Context)) {
	if ctx.Operation().Metadata[streaming] == true {
		next(ctx)
		return
	}
	bounded, cancel := context.WithTimeout(ctx.Context(), s.Timeout)
	defer cancel()
	next(huma.WithContext(ctx, bounded))
}
