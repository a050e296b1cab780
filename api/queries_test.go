package api

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/queries"
)

func replaceID(path, id string) string { return strings.ReplaceAll(path, "ID", id) }

const goodBody = `{"template":"I3","parameters":{"window":"2025-01-01..2025-12-31"},"cost":0.1}`

func TestAsk(t *testing.T) {
	s, f := server(t)
	w := do(s.Handler(), "POST", "/v1/queries", goodBody, "Idempotency-Key: key-1")
	var ticket queries.Ticket
	if err := json.Unmarshal(w.Body.Bytes(), &ticket); err != nil || w.Code != 202 {
		t.Fatalf("%d %s %v", w.Code, w.Body, err)
	}
	if got := w.Header().Get("Location"); got != "/v1/queries/"+ticket.ID {
		t.Errorf("location %q", got)
	}
	if f.lastKey != "key-1" || f.asks != 1 || f.last.Template != "I3" {
		t.Errorf("asked %+v with key %q, %d times", f.last, f.lastKey, f.asks)
	}
	want := `{"id":"` + ticket.ID + `","state":"running","due":"2026-01-31T12:00:02Z","release":"` + ticket.ID + `","charged":true}` + "\n"
	if w.Body.String() != want {
		t.Errorf("got %s want %s", w.Body, want)
	}
	if w := do(s.Handler(), "GET", w.Header().Get("Location"), ""); w.Code != 200 || w.Body.String() != want {
		t.Errorf("status: %d %s", w.Code, w.Body)
	}
}

func TestIdempotencyKeyForm(t *testing.T) {
	s, f := server(t)
	for _, key := range []string{"a b", "ключ", strings.Repeat("x", 129), "a\tb"} {
		problem(t, do(s.Handler(), "POST", "/v1/queries", goodBody, "Idempotency-Key: "+key), "idempotency-key", 422)
	}
	if f.asks != 0 {
		t.Error("a request with a bad key reached the service")
	}
}

// Refusals of the service arrive as problems, from asking and estimating alike.
func TestRefusalsOfTheService(t *testing.T) {
	for name, err := range goldenProblems {
		s, f := server(t)
		f.err = err
		for _, path := range []string{"/v1/queries", "/v1/estimates"} {
			p := problemOf(err)
			w := do(s.Handler(), "POST", path, goodBody)
			problem(t, w, name, p.Status)
			if strings.Contains(w.Body.String(), secret) {
				t.Errorf("%s tells data: %s", name, w.Body)
			}
			if (w.Header().Get("Retry-After") != "") != (p.Status == 503 || p.Status == 429) {
				t.Errorf("%s: Retry-After %q", name, w.Header().Get("Retry-After"))
			}
		}
	}
}

// A request that cannot be taken in time is told so, with nothing half done.
func TestTimeout(t *testing.T) {
	s, f := server(t, func(o *Options) { o.Timeout = 20 * time.Millisecond })
	f.block = true
	problem(t, do(s.Handler(), "POST", "/v1/queries", goodBody), "busy", 503)
}

func TestCancel(t *testing.T) {
	s, f := server(t)
	r := f.add("insurer-a")
	if w := do(s.Handler(), "DELETE", "/v1/queries/"+r.ID, ""); w.Code != 202 || !strings.Contains(w.Body.String(), `"state":"running"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	f.end(r, queries.Abandoned)
	problem(t, do(s.Handler(), "DELETE", "/v1/queries/"+r.ID, ""), "finished", 409)
	problem(t, do(s.Handler(), "GET", "/v1/releases/"+r.ID, ""), "abandoned", 410)
}

func TestNotDue(t *testing.T) {
	s, f := server(t)
	r := f.add("insurer-a")
	for _, path := range []string{"/v1/releases/ID", "/v1/releases/ID.csv", "/v1/releases/ID/receipt"} {
		w := do(s.Handler(), "GET", replaceID(path, r.ID), "")
		p := problem(t, w, "not-due", 409)
		if p.Due == nil || !p.Due.Equal(r.Due) || w.Header().Get("Retry-After") != "3" {
			t.Errorf("%s: due %v, retry after %q", path, p.Due, w.Header().Get("Retry-After"))
		}
	}
}

// Panics, whatever they carry, end as a bare 500 and the next request is served.
func TestPanic(t *testing.T) {
	for _, v := range []any{secret, errors.New(secret), 7} {
		log := &lines{}
		s, f := server(t, func(o *Options) { o.Log = log.logger() })
		f.panics = v
		w := do(s.Handler(), "POST", "/v1/estimates", goodBody)
		problem(t, w, "internal", 500)
		if text := log.String() + w.Body.String(); strings.Contains(text, secret) || !strings.Contains(text, "(*fake).Estimate") {
			t.Errorf("the log tells data, or not where it was: %s", text)
		}
		f.panics = nil
	}
}
