package api

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/queries"
)

// routes are all that need a token.
var routes = []struct{ method, path string }{
	{"GET", "/v1/templates"}, {"GET", "/v1/templates/I3"}, {"POST", "/v1/estimates"}, {"POST", "/v1/queries"},
	{"GET", "/v1/queries/q-1"}, {"GET", "/v1/queries/q-1/events"}, {"DELETE", "/v1/queries/q-1"},
	{"GET", "/v1/releases/q-1"}, {"GET", "/v1/releases/q-1/receipt"}, {"GET", "/v1/budgets"},
	{"GET", "/v1/queries"}, {"GET", "/v1/releases/q-1.csv"}, {"GET", "/v1/releases/q-1.arrow"}, {"GET", "/v1/releases/q-1.parquet"}, {"GET", "/v1/releases/q-1.xlsx"},
	{"GET", "/v1/session"}, {"POST", "/v1/session"}, {"DELETE", "/v1/session"},
}

// Whatever is wrong with a token, and whoever's it was, the answer is one and
// the same.
func TestUnauthenticated(t *testing.T) {
	now := noon // strangers are slowed down: see TestStrangers
	s, f := server(t, func(o *Options) { o.Now = func() time.Time { now = now.Add(time.Second); return now } })
	first := ""
	for _, r := range routes {
		for _, header := range []string{
			"Authorization: ", "Authorization: Bearer token-x", "Authorization: Bearer", "Authorization: Bearer token-l",
			"Authorization: Basic token-a", "Authorization: token-a", "Authorization: Bearer token-a token-a", "Authorization: Bearer token-A",
		} {
			w := do(s.Handler(), r.method, r.path, "", header)
			problem(t, w, "unauthenticated", 401)
			if w.Header().Get("WWW-Authenticate") == "" {
				t.Error("no WWW-Authenticate")
			}
			if first == "" {
				first = w.Body.String()
			}
			if w.Body.String() != first {
				t.Errorf("%s with %s differs: %s", r.path, header, w.Body)
			}
		}
	}
	if f.asks+f.estimates != 0 {
		t.Error("an unknown caller reached the service")
	}
}

func TestTokenElsewhereIsNoToken(t *testing.T) {
	s, _ := server(t)
	problem(t, do(s.Handler(), "GET", "/v1/budgets?access_token=token-a", "", "Authorization: "), "unauthenticated", 401)
	problem(t, do(s.Handler(), "GET", "/v1/budgets", "", "Authorization: ", "Cookie: token=token-a"), "unauthenticated", 401)
	r, _ := http.NewRequest("GET", "/v1/budgets", nil)
	r.Header = http.Header{"Authorization": {"Bearer token-a", "Bearer token-b"}}
	problem(t, record(s.Handler(), r), "unauthenticated", 401)
}

// Tokens that cannot be read let nobody in, and are not the caller's fault.
func TestUnreadableTokens(t *testing.T) {
	s, _ := server(t, func(o *Options) { o.Tokens = broken{} })
	problem(t, do(s.Handler(), "GET", "/v1/budgets", ""), "unavailable", 503)
}

type broken struct{}

func (broken) Principal(context.Context, string) (string, error) {
	return "insurer-a", errors.New("disk")
}

// Every operation of the description is either in routes or public.
func TestEveryOperationAsksForAToken(t *testing.T) {
	s, _ := server(t)
	paths := 0
	for path, item := range s.huma.OpenAPI().Paths {
		paths++
		public := path == "/healthz" || path == "/readyz"
		w := do(s.Handler(), "GET", path, "", "Authorization: ")
		if public != (w.Code == 200) {
			t.Errorf("%s without a token: %d", path, w.Code)
		}
		for _, op := range []bool{item.Get != nil && len(item.Get.Security) == 0, item.Post != nil && len(item.Post.Security) == 0, item.Delete != nil && len(item.Delete.Security) == 0} {
			if op && !public {
				t.Errorf("%s is described as open", path)
			}
		}
	}
	if paths != 16 {
		t.Errorf("%d paths: add new ones to routes", paths)
	}
}

// An id of another principal and one that never was are told apart by nothing.
func TestOthersDoNotExist(t *testing.T) {
	s, f := server(t)
	other := f.add("pharma-b")
	f.end(other, queries.Released)
	for _, path := range []string{"/v1/queries/ID", "/v1/queries/ID/events", "/v1/releases/ID", "/v1/releases/ID.csv", "/v1/releases/ID/receipt"} {
		compareIDs(t, s, "GET", path, other.ID)
	}
	compareIDs(t, s, "DELETE", "/v1/queries/ID", other.ID)
}

func compareIDs(t *testing.T, s *Server, method, path, others string) {
	t.Helper()
	want := do(s.Handler(), method, replaceID(path, "q-ffffffffffffffffffffffffffffffff"), "")
	problem(t, want, "unknown-request", 404)
	for _, id := range []string{others, "..%2F..%2Fetc", "%00", "q-1%27", "é", "q_1", "-1%20OR%201"} {
		got := do(s.Handler(), method, replaceID(path, id), "")
		if got.Code != want.Code || got.Body.String() != want.Body.String() || len(got.Header()) != len(want.Header()) {
			t.Errorf("%s %s of %s: %d %s", method, path, id, got.Code, got.Body)
		}
	}
}
