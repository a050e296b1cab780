package api

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Health is the body of /healthz and /readyz.
type Health struct {
	Status string `json:"status" enum:"ok,not ready" doc:"ok, or not ready."`
	// Detail and Version are told on the internal listener only.
	Detail  string `json:"detail,omitempty" hidden:"true"`
	Version string `json:"version,omitempty" hidden:"true"`
}

type healthOutput struct{ Body Health }

func (s *Server) routeHealth() {
	open := map[string]any{public: true}
	huma.Register(s.huma, s.operation(huma.Operation{
		OperationID: "health", Method: http.MethodGet, Path: "/healthz", Tags: []string{"health"},
		Summary: "Tell that the process serves", Metadata: open,
	}), func(context.Context, *struct{}) (*healthOutput, error) {
		return &healthOutput{Health{Status: "ok"}}, nil
	})
	huma.Register(s.huma, s.operation(huma.Operation{
		OperationID: "ready", Method: http.MethodGet, Path: "/readyz", Tags: []string{"health"},
		Summary: "Tell whether requests are taken", Metadata: open,
	}), func(context.Context, *struct{}) (*healthOutput, error) {
		if s.Ready() != nil {
			return nil, s.fail(unavailable.problem())
		}
		return &healthOutput{Health{Status: "ok"}}, nil
	})
}

// Internal serves the domain's own listener: /metrics, and /healthz and /readyz with the
// reason, for which it asks for no token, and the pages for people with what they lead to,
// those about the data among them: see [Host.Inside]. It must not be reachable by clients,
// and answers to names of the machine itself only.
func (s *Server) Internal() http.Handler {
	mux := http.NewServeMux()
	if s.Console != nil {
		for _, path := range []string{consolePath + "/", "/v1/", "/register"} { // what its pages lead to
			mux.Handle(path, inside(s.echo))
		}
		mux.Handle("GET /{$}", http.RedirectHandler(consolePath+"/", http.StatusSeeOther))
	}
	mux.Handle("GET /metrics", s.metrics.handler())
	tell := func(w http.ResponseWriter, status int, h Health) {
		h.Version = s.Version
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(h) // a client that has gone is no matter
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		tell(w, http.StatusOK, Health{Status: "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := s.Ready(); err != nil {
			tell(w, http.StatusServiceUnavailable, Health{Status: "not ready", Detail: err.Error()})
			return
		}
		tell(w, http.StatusOK, Health{Status: "ok", Detail: s.Detail})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		if !loopback(r.Host) { // a browser here may be told that another's name is this machine
			http.Error(w, "this listener is asked by a name of the machine itself", http.StatusMisdirectedRequest)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// loopback says whether a request names the machine itself: else the names of others, which
// may be made to lead here (DNS rebinding), would let their pages read what is inside.
func loopback(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return ip != nil && ip.IsLoopback()
}
