package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
)

func historyPage(t *testing.T, h http.Handler, path string, headers ...string) HistoryPage {
	t.Helper()
	w := do(h, "GET", path, "", headers...)
	var p HistoryPage
	if w.Code != 200 || json.Unmarshal(w.Body.Bytes(), &p) != nil {
		t.Fatalf("%s: %d %s", path, w.Code, w.Body)
	}
	return p
}

// A page has a hundred requests, the newest first, and nobody's but the caller's.
func TestHistoryPages(t *testing.T) {
	s, f := server(t)
	for range historyEntries + 5 {
		f.add("insurer-a")
	}
	f.add("pharma-b")
	h := s.Handler()
	first, second := historyPage(t, h, "/v1/queries"), historyPage(t, h, "/v1/queries?page=2")
	if len(first.Queries) != historyEntries || len(second.Queries) != 5 || first.Pages != 2 || second.Page != 2 {
		t.Errorf("%d and %d of %d pages", len(first.Queries), len(second.Queries), first.Pages)
	}
	if first.Queries[0].ID <= second.Queries[0].ID {
		t.Error("the newest are not first")
	}
	if p := historyPage(t, h, "/v1/queries?page=1000000"); len(p.Queries) != 0 {
		t.Errorf("beyond the end: %+v", p)
	}
	if p := historyPage(t, h, "/v1/queries", "Authorization: Bearer token-b"); len(p.Queries) != 1 || p.Queries[0].Principal != "pharma-b" {
		t.Errorf("the other's: %+v", p)
	}
	for path, want := range map[string]int{"/v1/queries?page=0": 422, "/v1/queries?page=x": 422, "/v1/queries?who=pharma-b": 422} {
		if w := do(h, "GET", path, ""); w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	if w := do(h, "GET", "/v1/queries", "", "Authorization: "); w.Code != 401 {
		t.Errorf("a stranger: %d", w.Code)
	}
}

// The keys are there for whoever is known, and an error says nothing of its cause.
func TestKeys(t *testing.T) {
	var fails error
	s, _ := server(t, func(o *Options) {
		o.Keys = func() (*Keys, error) { return &Keys{Population: "city", Policy: "quorum none\n"}, fails }
	})
	if w := do(s.Handler(), "GET", "/v1/keys", ""); w.Code != 200 || !strings.Contains(w.Body.String(), `"policy":"quorum none\n"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if w := do(s.Handler(), "GET", "/v1/keys", "", "Authorization: "); w.Code != 401 {
		t.Errorf("a stranger: %d", w.Code)
	}
	fails = errors.New("open /srv/secret/receipt.pub")
	if w := do(s.Handler(), "GET", "/v1/keys", ""); w.Code != 500 || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	without, _ := server(t)
	if w := do(without.Handler(), "GET", "/v1/keys", ""); w.Code != 404 {
		t.Errorf("without keys: %d", w.Code)
	}
}
