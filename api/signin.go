package api

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
)

// Who tells a caller who he is to this server.
type Who struct {
	Principal    string `json:"principal"`
	Organisation string `json:"organisation"`
}

type whoAnswer struct{ Body Who }

// routeSessions lets browsers in: by a provider, or by showing a token or a
// certificate once.
func (s *Server) routeSessions() {
	const path, tag = "/v1/session", "session"
	huma.Register(s.huma, s.operation(huma.Operation{
		OperationID: "who", Method: http.MethodGet, Path: path, Summary: "Tell who the caller is", Tags: []string{tag},
	}), func(ctx context.Context, _ *struct{}) (*whoAnswer, error) { return s.who(ctx), nil })
	huma.Register(s.huma, s.operation(huma.Operation{
		OperationID: "sign-in", Method: http.MethodPost, Path: path, Summary: "Begin a browser's session with the credential of this request", Tags: []string{tag},
		Middlewares: huma.Middlewares{s.beginSession},
	}), func(ctx context.Context, _ *struct{}) (*whoAnswer, error) { return s.who(ctx), nil })
	huma.Register(s.huma, s.operation(huma.Operation{
		OperationID: "sign-out", Method: http.MethodDelete, Path: path, Summary: "End the session", Tags: []string{tag}, DefaultStatus: http.StatusNoContent,
		Middlewares: huma.Middlewares{s.endSession},
	}), func(context.Context, *struct{}) (*struct{}, error) { return nil, nil })
	if s.SignIn != nil {
		s.echo.GET("/session/start", s.startSignIn)
		s.echo.GET("/session/return", s.finishSignIn)
	}
}

func (s *Server) who(ctx context.Context) *whoAnswer {
	name := caller(ctx)
	return &whoAnswer{Who{Principal: name, Organisation: s.Policy.Organisation(name)}}
}

// beginSession sets the cookie of a new session. It lasts while the token or the
// certificate does that began it.
func (s *Server) beginSession(ctx huma.Context, next func(huma.Context)) {
	c := humaecho.Unwrap(ctx)
	r, name := c.Request(), caller(ctx.Context())
	token, key, until := bearer(r), "", time.Time{}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		leaf := r.TLS.PeerCertificates[0]
		key, until = KeyName(leaf), leaf.NotAfter
	}
	if _, shown := s.sessions.principal(r); shown && token == "" && s.Policy.ByCertificate(key) == "" {
		s.refuse(c, unauthenticated.problem()) // a session does not prolong itself
		return
	}
	still := func() bool {
		if token == "" {
			return s.Policy.ByCertificate(key) == name && !s.Now().After(until)
		}
		who, err := s.Tokens.Principal(context.Background(), token)
		return err == nil && who == name
	}
	s.sessions.end(r)
	setCookie(c.Response(), r, sessionCookie, s.sessions.begin(name, still))
	next(ctx)
}

func (s *Server) endSession(ctx huma.Context, next func(huma.Context)) {
	c := humaecho.Unwrap(ctx)
	s.sessions.end(c.Request())
	setCookie(c.Response(), c.Request(), sessionCookie, "")
	next(ctx)
}

// startSignIn sends a browser to the provider. The query to names the page to come
// back to; a path of this server only, or the answer would lead anywhere.
func (s *Server) startSignIn(c echo.Context) error {
	to := here(c.QueryParam("to"))
	if !s.strangers.allow(peer(c.Request())) {
		return tooFast.problem()
	}
	address, a, err := s.SignIn.Begin(c.Request().Context())
	if err != nil {
		return s.signInFailed(err)
	}
	setCookie(c.Response(), c.Request(), signInCookie, s.sessions.keep(a, to))
	return c.Redirect(http.StatusSeeOther, address)
}

// here keeps a path of this server, and makes / of all else. Browsers drop tabs and
// line ends and read \ as /, so that nothing but plain paths is let through.
func here(to string) string {
	u, err := url.Parse(to)
	plain := !strings.ContainsFunc(to, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '\\' })
	if err != nil || !plain || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
		return "/"
	}
	return to
}

// finishSignIn takes a browser back from the provider. The state must be that of
// this very browser's attempt, which counts once.
func (s *Server) finishSignIn(c echo.Context) error {
	r := c.Request()
	begun := s.sessions.take(r)
	setCookie(c.Response(), r, signInCookie, "")
	q := r.URL.Query()
	if begun == nil || len(q["state"]) != 1 || len(q["code"]) != 1 ||
		subtle.ConstantTimeCompare([]byte(q["state"][0]), []byte(begun.attempt.State)) != 1 {
		return s.signInFailed(ErrToken)
	}
	name, still, err := s.SignIn.Finish(r.Context(), q["code"][0], begun.attempt)
	if err == nil && s.Policy.Organisation(name) == "" {
		err = ErrToken
	}
	if err != nil {
		return s.signInFailed(err)
	}
	s.sessions.end(r)
	setCookie(c.Response(), r, sessionCookie, s.sessions.begin(name, still))
	return c.Redirect(http.StatusSeeOther, begun.to)
}

func (s *Server) signInFailed(err error) *Problem {
	if errors.Is(err, ErrToken) {
		return unauthenticated.problem()
	}
	s.Log.Error("sign-in cannot be finished", "error", err)
	return unavailable.problem()
}
