package api

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/qunxiang/qunxiang/queries"
)

var update = flag.Bool("update", false, "rewrite golden files")

// glog, which package dp draws in, keeps a goroutine of its own.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/golang/glog.(*fileSink).flushDaemon"))
}

// noon is the time in tests.
var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// fake is a Service whose requests run until a test ends them. Asking, of
// whatever kind, is counted.
type fake struct {
	mu        sync.Mutex
	asks      int // Ask
	estimates int
	last      queries.Request
	lastKey   string
	err       error  // of Ask and Estimate
	panics    any    // of Estimate
	block     bool   // Ask waits for its context
	stored    []byte // the bytes of every release
	tickets   map[string]*fakeTicket
}

type fakeTicket struct {
	queries.Ticket
	owner string
	done  chan struct{}
}

func newFake() *fake {
	return &fake{tickets: map[string]*fakeTicket{}, stored: readFile("testdata/release.json")}
}

func readFile(name string) []byte {
	b, err := os.ReadFile(name)
	if err != nil {
		panic(err)
	}
	return b
}

func (f *fake) Estimate(_ context.Context, _ string, r queries.Request) (*queries.Estimate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.estimates, f.last = f.estimates+1, r
	if f.panics != nil {
		panic(f.panics)
	}
	return &queries.Estimate{Template: "claim-severity@1.0.0", Catalogue: "I3", Rho: 0.1, Fits: true}, f.err
}

func (f *fake) Ask(ctx context.Context, principal string, r queries.Request, key string) (queries.Ticket, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asks, f.last, f.lastKey = f.asks+1, r, key
	if f.block {
		<-ctx.Done()
		return queries.Ticket{}, ctx.Err()
	}
	if f.err != nil {
		return queries.Ticket{}, f.err
	}
	return f.addLocked(principal).Ticket, nil
}

func (f *fake) add(owner string) *fakeTicket {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.addLocked(owner)
}

func (f *fake) addLocked(owner string) *fakeTicket {
	id := fmt.Sprintf("q-%032x", len(f.tickets)+1)
	t := &fakeTicket{
		Ticket: queries.Ticket{ID: id, State: queries.Running, Due: noon.Add(2 * time.Second), Release: id, Charged: true},
		owner:  owner, done: make(chan struct{}),
	}
	f.tickets[id] = t
	return t
}

// end brings a request to its last state.
func (f *fake) end(t *fakeTicket, s queries.State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t.State = s
	close(t.done)
}

func (f *fake) find(principal, id string) (*fakeTicket, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t := f.tickets[id]; t != nil && t.owner == principal {
		return t, nil
	}
	return nil, fmt.Errorf("%w: %s", queries.ErrUnknownRequest, id)
}

func (f *fake) Wait(ctx context.Context, principal, id string) (queries.Ticket, error) {
	t, err := f.find(principal, id)
	if err != nil {
		return queries.Ticket{}, err
	}
	select {
	case <-t.done:
		return f.Status(principal, id)
	case <-ctx.Done():
		return queries.Ticket{}, ctx.Err()
	}
}

func (f *fake) Status(principal, id string) (queries.Ticket, error) {
	t, err := f.find(principal, id)
	if err != nil {
		return queries.Ticket{}, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return t.Ticket, nil
}

func (f *fake) Cancel(principal, id string) error {
	_, err := f.find(principal, id)
	return err
}

func (f *fake) Answer(principal, id string) ([]byte, error) {
	t, err := f.Status(principal, id)
	switch {
	case err != nil:
		return nil, err
	case t.State == queries.Abandoned:
		return nil, queries.ErrAbandoned
	case t.State == queries.Running:
		return nil, fmt.Errorf("%w: %s is not due yet", queries.ErrUnknownRequest, id)
	}
	return f.stored, nil
}

func (f *fake) Receipt(_ context.Context, principal, id string) ([]byte, error) {
	if _, err := f.Answer(principal, id); err != nil {
		return nil, err
	}
	return []byte("{\"receipt\":  1}\n"), nil
}

func (f *fake) Budgets() []queries.ScopeShare {
	return []queries.ScopeShare{{Scope: "city/2025", Cap: 1.06, Spent: 0.1, Fits: true}}
}

func (f *fake) History(principal string) []queries.Asked {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := []queries.Asked{}
	for _, t := range f.tickets {
		if t.owner == principal {
			out = append(out, queries.Asked{ID: t.ID, Asked: noon, Due: t.Due, State: t.State, Principal: principal, Template: "claim-severity@1.1.0", Scopes: []string{"city/2025"}})
		}
	}
	slices.SortFunc(out, func(a, b queries.Asked) int { return strings.Compare(b.ID, a.ID) })
	return out
}

// known are the principals and their tokens.
type known map[string]string

func (k known) Principal(_ context.Context, token string) (string, error) {
	if p, ok := k[token]; ok {
		return p, nil
	}
	return "", ErrToken
}

func (k known) Organisation(principal string) string {
	if principal == "left-l" {
		return ""
	}
	return "of " + principal
}

func (k known) ByCertificate(key string) string { return k[key] }

var callersKnown = known{"token-a": "insurer-a", "token-b": "pharma-b", "token-l": "left-l"}

func catalog(t testing.TB) *queries.Catalog {
	t.Helper()
	c, err := queries.LoadCatalog(os.DirFS("../queries/templates"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// server makes a server over a fake service.
func server(t testing.TB, change ...func(*Options)) (*Server, *fake) {
	t.Helper()
	f := newFake()
	o := Options{
		Runner: f, Catalog: catalog(t), Policy: callersKnown, Tokens: callersKnown,
		Version: "test", Now: func() time.Time { return noon }, Heartbeat: time.Hour,
	}
	for _, c := range change {
		c(&o)
	}
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s, f
}

// do sends a request with insurer-a's token unless it says otherwise; headers
// are "Name: value".
func do(h http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "127.0.0.1"
	r.Header.Set("Authorization", "Bearer token-a")
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		if value == "" {
			r.Header.Del(name)
			continue
		}
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// problem reads a response that must be a problem of a name and status.
func problem(t testing.TB, w *httptest.ResponseRecorder, name string, status int) *Problem {
	t.Helper()
	p := &Problem{}
	if err := json.Unmarshal(w.Body.Bytes(), p); err != nil {
		t.Fatalf("not a problem: %v: %d %q", err, w.Code, w.Body)
	}
	if got := w.Header().Get("Content-Type"); got != problemMedia {
		t.Errorf("content type %q of %s", got, w.Body)
	}
	if p.Name() != name || w.Code != status || p.Status != status {
		t.Fatalf("want %s %d, got %d %s", name, status, w.Code, w.Body)
	}
	return p
}

// golden compares with a file in testdata, or rewrites it.
func golden(t testing.TB, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, got) {
		t.Errorf("%s differs (run with -update to accept):\n%s", path, got)
	}
}

func readAll(t testing.TB, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func record(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
