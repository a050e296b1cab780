package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/qunxiang/qunxiang/queries"
)

// lines is a log that a test reads.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(l, nil)) }

// The log names routes and principals, and nothing that a client sent.
func TestLogHoldsNoRequest(t *testing.T) {
	log := &lines{}
	s, f := server(t, func(o *Options) { o.Log = log.logger() })
	r := f.add("insurer-a")
	do(s.Handler(), "POST", "/v1/queries", `{"template":"`+marker+`","purpose":"`+marker+`"}`, "Idempotency-Key: "+marker, "User-Agent: "+marker)
	do(s.Handler(), "POST", "/v1/queries", `{"`+marker+`":1}`)
	do(s.Handler(), "GET", "/v1/queries/"+r.ID, "")
	do(s.Handler(), "GET", "/v1/templates/"+marker, "")
	do(s.Handler(), "GET", "/"+marker+"?"+marker, "")
	do(s.Handler(), marker, "/v1/budgets", "")
	do(s.Handler(), "GET", "/v1/budgets", "", "Authorization: Bearer "+marker)
	f.err = errors.New(marker)
	do(s.Handler(), "POST", "/v1/estimates", goodBody)
	text := log.String()
	for _, no := range []string{marker, r.ID, "token-a"} {
		if strings.Contains(text, no) {
			t.Errorf("the log holds %s:\n%s", no, text)
		}
	}
	for _, yes := range []string{`"route":"/v1/queries/:id","status":200,"principal":"insurer-a"`, `"method":"other"`, "*errors.errorString"} {
		if !strings.Contains(text, yes) {
			t.Errorf("the log lacks %s:\n%s", yes, text)
		}
	}
}

// Metrics are on the internal listener, and there is nothing in them that
// depends on the data or on the process.
func TestMetrics(t *testing.T) {
	s, f := server(t)
	do(s.Handler(), "POST", "/v1/queries", goodBody)
	do(s.Handler(), "POST", "/v1/queries", `{"template":"I3","x":1}`)
	f.err = queries.ErrSuspended
	do(s.Handler(), "POST", "/v1/queries", goodBody)
	gone := f.add("insurer-a")
	f.end(gone, queries.Abandoned)
	do(s.Handler(), "GET", "/v1/releases/"+gone.ID, "")
	do(s.Handler(), "GET", "/nowhere", "")
	do(s.Handler(), "GET", "/v1/budgets", "", "Authorization: ")
	problem(t, do(s.Handler(), "GET", "/metrics", ""), "no-such-route", 404)
	w := do(s.Internal(), "GET", "/metrics", "", "Authorization: ")
	var got []string
	for line := range strings.Lines(w.Body.String()) {
		if !strings.HasPrefix(line, "#") {
			got = append(got, strings.TrimSpace(line))
		}
	}
	want := []string{
		`qunxiang_http_requests_total{class="2xx",route="/v1/queries"} 1`,
		`qunxiang_http_requests_total{class="4xx",route="/v1/budgets"} 1`,
		`qunxiang_http_requests_total{class="4xx",route="/v1/queries"} 2`,
		`qunxiang_http_requests_total{class="4xx",route="/v1/releases/:id"} 1`,
		`qunxiang_http_requests_total{class="4xx",route="none"} 2`,
		`qunxiang_refusals_total{problem="no-such-route",rule=""} 2`,
		`qunxiang_refusals_total{problem="template-suspended",rule=""} 1`,
		`qunxiang_refusals_total{problem="unauthenticated",rule=""} 1`,
		`qunxiang_refusals_total{problem="validation",rule=""} 1`,
		`qunxiang_tickets_total{charged="true"} 1`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

func TestHealth(t *testing.T) {
	down := errors.New("the witness " + marker + " is out of reach")
	s, _ := server(t, func(o *Options) { o.Ready = func() error { return down } })
	if w := do(s.Handler(), "GET", "/healthz", "", "Authorization: "); w.Code != 200 || w.Body.String() != "{\"status\":\"ok\"}\n" {
		t.Errorf("healthz: %d %s", w.Code, w.Body)
	}
	w := do(s.Handler(), "GET", "/readyz", "", "Authorization: ")
	problem(t, w, "unavailable", 503)
	if strings.Contains(w.Body.String(), marker) {
		t.Error("clients are told why")
	}
	var h Health
	w = do(s.Internal(), "GET", "/readyz", "")
	if err := json.Unmarshal(w.Body.Bytes(), &h); err != nil || w.Code != 503 || !strings.Contains(h.Detail, marker) || h.Version != "test" {
		t.Errorf("internal readyz: %d %s", w.Code, w.Body)
	}
	down = nil
	for _, side := range []http.Handler{s.Handler(), s.Internal()} {
		if w := do(side, "GET", "/readyz", ""); w.Code != 200 {
			t.Errorf("readyz: %d %s", w.Code, w.Body)
		}
	}
}

// What echo answers by itself is a problem too, and so are requests that
// browsers make before they cross origins.
func TestUnknownRoutesAndMethods(t *testing.T) {
	s, _ := server(t)
	for _, path := range []string{"/", "/v1", "/v1/", "/v2/queries", "/v1/queries/a/b", "/docs", "/schemas/Ticket.json", "/openapi-3.0.json", "/debug/pprof/", "/v1/releases/"} {
		problem(t, do(s.Handler(), "GET", path, ""), "no-such-route", 404)
	}
	for path, method := range map[string]string{"/v1/queries": "OPTIONS", "/v1/templates": "POST", "/v1/estimates": "GET", "/v1/releases/q-1": "HEAD", "/v1/budgets": "TRACE"} {
		w := do(s.Handler(), method, path, "")
		problem(t, w, "no-such-method", 405)
		if w.Header().Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", method, path)
		}
	}
}

func TestSecurityHeaders(t *testing.T) {
	s, _ := server(t)
	for _, path := range []string{"/v1/budgets", "/nowhere", "/openapi.json", "/healthz", "/v1/releases/q-1"} {
		h := do(s.Handler(), "GET", path, "", "Origin: https://elsewhere.example").Header()
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Cross-Origin-Resource-Policy": "same-origin",
			"Access-Control-Allow-Origin": "", "Server": "",
		} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
	if got := do(s.Handler(), "GET", "/v1/budgets", "").Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
}

// A page of another name that is made to lead here reads nothing of what is inside.
func TestInternalAnswersToNamesOfTheMachine(t *testing.T) {
	s, _ := server(t)
	for host, status := range map[string]int{
		"127.0.0.1:8444": 200, "localhost:8444": 200, "[::1]:8444": 200, "localhost": 200,
		"evil.example": 421, "evil.example:8444": 421, "localhost.evil.example": 421, "10.0.0.1:8444": 421, "": 421,
	} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.Host = host
		w := httptest.NewRecorder()
		s.Internal().ServeHTTP(w, r)
		if w.Code != status {
			t.Errorf("Host %q: %d", host, w.Code)
		}
	}
}
