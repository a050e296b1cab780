package api

import (
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"

	"github.com/labstack/echo/v4"
)

// Keys of what a request carries through the handlers.
const (
	problemKey   = "problem"
	principalKey = "principal"
)

// observe counts and logs a request when it is done: method, route pattern,
// status and principal, never a path, a query, a header or a body.
func (s *Server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := next(c); err != nil {
			c.Error(err)
		}
		route, status := c.Path(), c.Response().Status
		if route == "" {
			route = "none"
		}
		if p, ok := c.Get(problemKey).(*Problem); ok {
			s.metrics.refused(p)
		}
		s.metrics.answered(route, status)
		principal, _ := c.Get(principalKey).(string)
		s.Log.Info("request", "method", method(c.Request()), "route", route, "status", status, "principal", principal)
		return nil
	}
}

// method is the request's method if it is one of HTTP's own; others are text
// of the caller's choice.
func method(r *http.Request) string {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return r.Method
	}
	return "other"
}

// recovered turns a panic into a bare 500. What was panicked with may quote
// data, so only its type and the functions it came through are logged.
func (s *Server) recovered(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			s.Log.Error("panic", "type", fmt.Sprintf("%T", v), "in", callers())
			if c.Response().Committed {
				panic(http.ErrAbortHandler) // half an answer must not look whole
			}
			err = internalError.problem()
		}()
		return next(c)
	}
}

// callers names the functions a panic came through, without their arguments.
func callers() string {
	pc := make([]uintptr, 24)
	frames := runtime.CallersFrames(pc[:runtime.Callers(4, pc)])
	var names []string
	for {
		f, more := frames.Next()
		names = append(names, f.Function)
		if !more {
			return strings.Join(names, " < ")
		}
	}
}

// errorTypes names the Go types of an error and of what it wraps.
func errorTypes(err error) string {
	var names []string
	for ; err != nil; err = errors.Unwrap(err) {
		names = append(names, fmt.Sprintf("%T", err))
	}
	return strings.Join(names, " < ")
}

// secured sets the headers that keep a browser from doing anything with an
// answer but show it. There is no CORS: no other site's page may read one, and
// OPTIONS is a method like others.
func secured(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if c.Request().TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if c.Request().Method != http.MethodOptions {
			return next(c)
		}
		// Echo would answer OPTIONS on any route it knows.
		if allow, ok := c.Get(echo.ContextKeyHeaderAllow).(string); ok {
			h.Set("Allow", allow)
			return echo.ErrMethodNotAllowed
		}
		return echo.ErrNotFound
	}
}

// sameOrigin refuses what a browser sends for another site's page, unless it only
// reads: a session's cookie may come with it. Programs send no such headers.
func sameOrigin(next echo.HandlerFunc) echo.HandlerFunc {
	guard := http.NewCrossOriginProtection()
	return func(c echo.Context) error {
		if guard.Check(c.Request()) != nil {
			return crossOrigin.problem()
		}
		return next(c)
	}
}

// routeError answers what no operation did: unknown routes and methods, and panics.
func (s *Server) routeError(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	var he *echo.HTTPError
	p := internalError.problem()
	switch {
	case errors.As(err, &p):
	case errors.As(err, &he) && he.Code == http.StatusNotFound:
		p = noRoute.problem()
	case errors.As(err, &he) && he.Code == http.StatusMethodNotAllowed:
		p = noMethod.problem()
	}
	s.refuse(c, p)
}
