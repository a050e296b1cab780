package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"

	"github.com/labstack/echo/v4"

	"github.com/qunxiang/qunxiang/api/door"
	"github.com/qunxiang/qunxiang/queries"
)

// consolePath is where the pages for people are.
const consolePath = "/console"

// formCookie is what the forms of a browser that is not signed in are bound to.
const formCookie = "qunxiang-form"

// Host is what pages for people may ask of the server that they are part of: who
// looks at them, and to let somebody in or out. Everything else they have of the
// services that the server has too.
type Host struct {
	s   *Server
	key [32]byte // of form tokens
}

// contextKey finds the echo context of a page's request.
type contextKey struct{}

// routeConsole puts the pages below /console, and sends browsers there from /.
func (s *Server) routeConsole() error {
	h := &Host{s: s}
	_, h.key = newSecret()
	pages, err := s.Console(h)
	if err != nil {
		return err
	}
	serve := func(c echo.Context) error {
		r := c.Request()
		ctx, cancel := context.WithTimeout(context.WithValue(r.Context(), contextKey{}, c), s.Timeout)
		defer cancel()
		pages.ServeHTTP(c.Response(), r.WithContext(ctx))
		return nil
	}
	to := func(c echo.Context) error { return c.Redirect(http.StatusSeeOther, consolePath+"/") }
	s.echo.GET("/", to)
	s.echo.GET(consolePath, to)
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost} {
		s.echo.Add(method, consolePath+"/*", serve)
	}
	return nil
}

// Visitor is the principal whose browser a request is from, and their organisation.
// The problem is that of the API: without an accepted credential it is 401. The
// request counts against the organisation's rate. A session is used by it, unless the page
// came by itself, see [Unattended].
func (h *Host) Visitor(r *http.Request) (Who, *Problem) {
	c, ok := r.Context().Value(contextKey{}).(echo.Context)
	if !ok {
		return Who{}, internalError.problem()
	}
	name, p := h.s.admit(c, !Unattended(r))
	if p != nil {
		return Who{}, p
	}
	door.Known(r.Context())
	return Who{Principal: name, Organisation: h.s.Policy.Organisation(name)}, nil
}

// lookAgain is the parameter of an address with which a page that waits is read again.
const lookAgain = "look"

// Unattended says that nobody did anything for a page to be read: it looks again by itself,
// and says so. A session that is shown with it only goes on to its end.
func Unattended(r *http.Request) bool {
	return r.Method == http.MethodGet && r.URL.Query().Has(lookAgain)
}

// Attended is the address of a page as people ask for it.
func Attended(u *url.URL) string {
	q := u.Query()
	if !q.Has(lookAgain) {
		return u.RequestURI()
	}
	q.Del(lookAgain)
	to := url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: q.Encode()}
	return to.RequestURI()
}

// Register is the public register as everybody is shown it, at most some seconds old; nil
// where the server has none.
func (h *Host) Register() *queries.Register {
	if h.s.Register == nil {
		return nil
	}
	return h.s.register()
}

// insideKey marks a request of the domain's own listener.
type insideKey struct{}

// inside marks requests as those of the domain's own listener. Nothing of a request can
// say so itself.
func inside(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), insideKey{}, true)))
	})
}

// Inside says whether a request came to the domain's own listener, which is the only one
// that pages about the data are on: they are no client's, whoever it is.
func (h *Host) Inside(r *http.Request) bool {
	is, _ := r.Context().Value(insideKey{}).(bool)
	return is
}

// Refused counts the problem that a page shows.
func (h *Host) Refused(r *http.Request, p *Problem) {
	if c, ok := r.Context().Value(contextKey{}).(echo.Context); ok {
		c.Set(problemKey, p)
	}
}

// Enter begins a browser's session with a token, which nothing keeps. The cookie is
// never sent for another site's page or link. What is not accepted costs the address
// one of its few attempts.
func (h *Host) Enter(w http.ResponseWriter, r *http.Request, token string) *Problem {
	name, err := h.s.Tokens.Principal(r.Context(), token)
	switch {
	case err != nil && !errors.Is(err, ErrToken):
		h.s.Log.Error("a credential cannot be judged", "error", err) // names a file or a provider, never a token
		return unavailable.problem()
	case err != nil, h.s.Policy.Organisation(name) == "":
		if !h.s.strangers.allow(peer(r)) {
			return tooFast.problem()
		}
		return unauthenticated.problem()
	}
	still := func() bool {
		who, err := h.s.Tokens.Principal(context.Background(), token)
		return err == nil && who == name
	}
	h.s.sessions.end(r)
	putCookie(w, r, sessionCookie, h.s.sessions.begin(name, still), http.SameSiteStrictMode)
	return nil
}

// Leave ends the session of a browser, if it has one.
func (h *Host) Leave(w http.ResponseWriter, r *http.Request) {
	h.s.sessions.end(r)
	setCookie(w, r, sessionCookie, "")
}

// OpenID says whether browsers may sign in at a provider, at /session/start.
func (h *Host) OpenID() bool { return h.s.SignIn != nil }

// FormToken is what every form of this browser must carry: only a page of this server
// knows it. A browser without a session is given a cookie for it.
func (h *Host) FormToken(w http.ResponseWriter, r *http.Request) string {
	bound := cookie(r, sessionCookie)
	if bound == "" {
		bound = cookie(r, formCookie)
	}
	if bound == "" {
		bound, _ = newSecret()
		putCookie(w, r, formCookie, bound, http.SameSiteStrictMode)
	}
	return h.tokenOf(bound)
}

// FormHolds says whether a form came with the token of this browser.
func (h *Host) FormHolds(r *http.Request, token string) bool {
	for _, name := range []string{sessionCookie, formCookie} {
		if bound := cookie(r, name); bound != "" && hmac.Equal([]byte(token), []byte(h.tokenOf(bound))) {
			return true
		}
	}
	return false
}

func (h *Host) tokenOf(bound string) string {
	m := hmac.New(sha256.New, h.key[:])
	m.Write([]byte(bound))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// SetPreference keeps a harmless choice of the browser's user, such as a language,
// for a year; no script reads it.
func (h *Host) SetPreference(w http.ResponseWriter, r *http.Request, name, value string) {
	http.SetCookie(w, &http.Cookie{
		Name: name, Value: value, Path: "/", HttpOnly: true, Secure: r.TLS != nil,
		SameSite: http.SameSiteLaxMode, MaxAge: 365 * 24 * 3600,
	})
}

// Here keeps a path of this server to go on to, and makes / of anything else.
func Here(to string) string { return here(to) }
