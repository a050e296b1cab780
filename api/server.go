package api

import (
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"

	"github.com/qunxiang/qunxiang/queries"
)

// Options are what a Server is made of. Fields are required unless they say
// otherwise.
type Options struct {
	Runner  Service
	Catalog *queries.Catalog
	Policy  Principals
	Tokens  TokenStore
	// SignIn lets browsers in by an OpenID provider; default none.
	SignIn SignIn
	// Approvals is what two people decide together; default nothing.
	Approvals Approvals
	// Published is the log as it is published; default none.
	Published Log
	// Keys are what a client pins, to check receipts; default none.
	Keys func() (*Keys, error)
	// Register writes the public register, which is then shown to everybody; default
	// none. About says whose it is.
	Register Registrar
	About    About
	// Rate is how many requests all principals of one organisation may send;
	// default any number.
	Rate Rate
	// Console makes the pages for people, which are then below /console; default none.
	Console func(*Host) (http.Handler, error)
	// Encoders write tables in formats this package does not know. Without one,
	// Arrow and Parquet are refused as not acceptable.
	Encoders map[Format]Encoder
	// Version is told in the API description; default "dev".
	Version string
	// Ready says what keeps the server from serving; default nothing. Only the
	// internal listener shows its text.
	Ready func() error
	// Vitals are told among the metrics, when they are read; default none.
	Vitals func() Vitals
	// Detail is told beside "ok" on the internal listener; default nothing.
	Detail string
	Now    func() time.Time // default time.Now
	Log    *slog.Logger     // default: nowhere
	// Timeout is the longest a request may take that does not stream; default 30 s.
	Timeout time.Duration
	// Heartbeat is the time between comments on an event stream that has
	// nothing to say; default 15 s.
	Heartbeat time.Duration
	// MaxStreams is how many event streams one principal may hold open; default 16.
	MaxStreams int
}

func (o *Options) complete() error {
	if o.Runner == nil || o.Catalog == nil || o.Policy == nil || o.Tokens == nil {
		return errors.New("api: a server needs a runner, a catalog, a policy and tokens")
	}
	if o.Version == "" {
		o.Version = "dev"
	}
	if o.Ready == nil {
		o.Ready = func() error { return nil }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	if o.Timeout <= 0 {
		o.Timeout = 30 * time.Second
	}
	if o.Heartbeat <= 0 {
		o.Heartbeat = 15 * time.Second
	}
	if o.MaxStreams <= 0 {
		o.MaxStreams = 16
	}
	return nil
}

// Server is the HTTP side of a domain. It is safe for concurrent use.
type Server struct {
	Options
	echo    *echo.Echo
	huma    huma.API
	metrics *metrics
	streams streams
	// Requests of organisations, and of addresses that show nothing acceptable.
	organisations, strangers *limits
	sessions                 *sessions
	shown                    Kept[*queries.Register]
	closed                   chan struct{}
	closing                  sync.Once
}

// New makes a server; see [Options]. It fails where a required option is missing.
func New(o Options) (*Server, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	s := &Server{Options: o, echo: echo.New(), metrics: newMetrics(o.Vitals), closed: make(chan struct{})}
	s.streams.open = map[string]int{}
	s.organisations, s.strangers = newLimits(o.Rate, o.Now), newLimits(strangerRate, o.Now)
	s.sessions = &sessions{now: o.Now}
	s.echo.HTTPErrorHandler = s.routeError
	s.echo.Use(s.observe, s.recovered, secured, sameOrigin)
	s.huma = humaecho.New(s.echo, s.config())
	s.huma.UseMiddleware(s.authenticate, s.limited, s.strictBody)
	s.routeTemplates()
	s.routeEstimates()
	s.routeQueries()
	s.routeEvents()
	s.routeReleases()
	s.routeBudgets()
	s.routeHistory()
	if s.Keys != nil {
		s.routeKeys()
	}
	if s.Approvals != nil {
		s.routeApprovals()
	}
	if s.Published != nil {
		s.routeLog()
	}
	s.routeSessions()
	s.routeRegister()
	s.routeHealth()
	if s.Console != nil {
		if err := s.routeConsole(); err != nil {
			return nil, err
		}
	}
	return s, s.routeDescription()
}

// Handler serves clients.
func (s *Server) Handler() http.Handler { return s.echo }

// Close ends the open event streams, so that a listener can shut down. The
// handlers still serve everything else. A second Close does nothing.
func (s *Server) Close() { s.closing.Do(func() { close(s.closed) }) }

// refuse sends a problem and counts it.
func (s *Server) refuse(c echo.Context, p *Problem) {
	c.Set(problemKey, p)
	p.write(c.Response())
}

// fail turns an error of an operation into a problem and counts it. What it
// was stays out of the log unless it is of a known kind: its text may quote data.
func (s *Server) fail(err error) error {
	p := problemOf(err)
	s.metrics.refused(p)
	if p.Status == http.StatusInternalServerError {
		s.Log.Error("internal error", "types", errorTypes(err))
	}
	if p.Status == http.StatusServiceUnavailable || p.Status == http.StatusTooManyRequests {
		return huma.ErrorWithHeaders(p, http.Header{"Retry-After": {"5"}})
	}
	return p
}
