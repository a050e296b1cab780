package federation

import (
	"crypto/sha256"
	"crypto/subtle"

	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/api/door"
	"github.com/qunxiang/qunxiang/federated"
)

// HandlerOptions are what a coordinator serves. Host is required.
type HandlerOptions struct {
	Host      *federated.Host
	Authority *Authority // hands out client certificates; nil for none, and no enrolment
	// AdminToken lets an administrator in, by Authorization: Bearer. At least 32
	// characters, or "" for no administrator.
	AdminToken string
	// RequireCertificate refuses nodes without a client certificate. Leave it off where a
	// proxy opens TLS: then the signatures of requests suffice.
	RequireCertificate bool
	// MaxOpen is how many requests of one node are served at once; default 4.
	MaxOpen int
	// Connections bound what is open at once; see door.Options for the defaults.
	Connections door.Options
	Now         func() time.Time // default time.Now
	Log         *slog.Logger     // method, route, status and who; default nowhere
}

// Handler is the HTTP side of a coordinator. It is safe for concurrent use.
type Handler struct {
	o     HandlerOptions
	admin [sha256.Size]byte
	mux   *http.ServeMux
	gate  gate
	seen  seen
	times times
}

// NewHandler checks the options. ErrOptions.
func NewHandler(o HandlerOptions) (*Handler, error) {
	switch {
	case o.Host == nil:
		return nil, fmt.Errorf("%w: a handler needs a host", ErrOptions)
	case o.AdminToken != "" && len(o.AdminToken) < 32:
		return nil, fmt.Errorf("%w: the administrator's token is shorter than 32 characters", ErrOptions)
	case o.RequireCertificate && o.Authority == nil:
		return nil, fmt.Errorf("%w: certificates are required and there is no authority", ErrOptions)
	}
	if o.MaxOpen <= 0 {
		o.MaxOpen = 4
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	h := &Handler{
		o: o, admin: sha256.Sum256([]byte(o.AdminToken)), mux: http.NewServeMux(), times: defaultTimes(),
		gate: newGate(o.MaxOpen), seen: newSeen(),
	}
	h.routes()
	return h, nil
}

// served are the routes under root, and who serves them.
func (h *Handler) served() map[string]func(http.ResponseWriter, *http.Request) error {
	return map[string]func(http.ResponseWriter, *http.Request) error{
		"POST jobs":                         h.createJob,
		"GET jobs":                          h.listJobs,
		"GET jobs/{job}":                    h.jobStatus,
		"GET jobs/{job}/card":               h.jobCard,
		"POST jobs/{job}/postings":          h.post,
		"GET jobs/{job}/feed":               h.poll,
		"GET jobs/{job}/items/{epoch}/{at}": h.fetch,
		"POST enrolments":                   h.enrol,
		"GET enrolments":                    h.listEnrolments,
		"GET enrolments/{id}":               h.enrolmentState,
		"DELETE enrolments/{id}":            h.removeEnrolment,
		"POST enrolments/{id}/approval":     h.approveEnrolment,
	}
}

func (h *Handler) routes() {
	h.mux.HandleFunc("GET /openapi.yaml", h.describe)
	for pattern, f := range h.served() {
		method, path, _ := strings.Cut(pattern, " ")
		h.mux.HandleFunc(method+" "+root+path, func(w http.ResponseWriter, r *http.Request) {
			s := &answer{ResponseWriter: w, status: http.StatusOK}
			if err := f(s, r); err != nil {
				h.readWithin(s, h.times.refused)
				h.refuse(s, err)
			}
			h.o.Log.Info("request", "method", method, "route", root+path, "status", s.status, "node", s.who)
		})
	}
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if f, pattern := h.mux.Handler(r); pattern == "" {
		h.noRoute(w, r, f)
		return
	}
	h.mux.ServeHTTP(w, r)
}

// noRoute answers what no route takes. The mux alone knows whether the path has other
// methods.
func (h *Handler) noRoute(w http.ResponseWriter, r *http.Request, f http.Handler) {
	probe := &statusOnly{header: w.Header()}
	f.ServeHTTP(probe, r)
	if probe.status == http.StatusMethodNotAllowed {
		api.NoSuchMethod().Write(w)
		return
	}
	api.NoSuchRoute().Write(w)
}

// statusOnly is a response of which only the status counts.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) Write(b []byte) (int, error) { return len(b), nil }
func (s *statusOnly) WriteHeader(status int)      { s.status = status }

// answer notes what is said to whom, for the log.
type answer struct {
	http.ResponseWriter
	status int
	who    string
}

func (s *answer) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap gives http.ResponseController the connection.
func (s *answer) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// refuse sends an error's problem. Nobody hears more of an error that is not in the map.
func (h *Handler) refuse(w http.ResponseWriter, err error) {
	p := api.ProblemOf(err)
	if p.Status == http.StatusInternalServerError {
		h.o.Log.Error("internal error", "error", err)
	}
	if p.Status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	p.Write(w)
}

// administrator says whether the request shows the administrator's token.
func (h *Handler) administrator(r *http.Request) bool {
	v := r.Header.Values("Authorization")
	if h.o.AdminToken == "" || len(v) != 1 {
		return false
	}
	scheme, token, _ := strings.Cut(v[0], " ")
	sum := sha256.Sum256([]byte(token))
	if subtle.ConstantTimeCompare(sum[:], h.admin[:]) != 1 || scheme != "Bearer" {
		return false
	}
	door.Known(r.Context())
	return true
}

// needAdministrator is api.ErrToken for everybody else.
func (h *Handler) needAdministrator(r *http.Request) error {
	if !h.administrator(r) {
		return api.ErrToken
	}
	return nil
}
