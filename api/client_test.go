package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

func client(t *testing.T, url, token string) *Client {
	t.Helper()
	c, err := NewClient(ClientOptions{Server: url, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.http.CloseIdleConnections)
	return c
}

// The client's way through a server: from the catalogue to the receipt.
func TestClient(t *testing.T) {
	tokens := openTokens(t, filepath.Join(t.TempDir(), "tokens.yaml"))
	token, err := tokens.Add("insurer-a", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	s, f := server(t, withArrow, func(o *Options) { o.Tokens = tokens })
	c, ctx := client(t, listen(t, s)+"/", token), context.Background()

	if list, err := c.Templates(ctx); err != nil || !reflect.DeepEqual(list, ListTemplates(catalog(t))) {
		t.Errorf("templates: %v", err)
	}
	if d, err := c.Template(ctx, "claim-severity@1.1.0"); err != nil || d.Catalogue != "I3" {
		t.Errorf("template: %+v %v", d, err)
	}
	if b, err := c.Budgets(ctx); err != nil || !reflect.DeepEqual(b, f.Budgets()) {
		t.Errorf("budgets: %+v %v", b, err)
	}
	r := queries.Request{
		Template: "I3", Coarse: true, Parameters: map[string]string{"window": "2025-01-01..2025-12-31"}, Purpose: "pricing",
		Accuracy: []string{"50"}, PublicPeople: 7, AllowEmpty: true,
	}
	if e, err := c.Estimate(ctx, r); err != nil || e.Rho != 0.1 || !reflect.DeepEqual(f.last, r) {
		t.Errorf("estimate: %+v %v, asked %+v", e, err, f.last)
	}
	r.Accuracy, r.Cost = nil, 0.25
	ticket, err := c.Ask(ctx, r, "key-1")
	if err != nil || f.lastKey != "key-1" || !reflect.DeepEqual(f.last, r) {
		t.Fatalf("ask: %+v %v", ticket, err)
	}
	if _, err := c.Release(ctx, ticket.ID, JSON); !named(err, "not-due") {
		t.Errorf("early: %v", err)
	}
	time.AfterFunc(20*time.Millisecond, func() { f.end(f.tickets[ticket.ID], queries.Released) })
	if last, err := c.Wait(ctx, ticket.ID); err != nil || last.State != queries.Released || last.ID != ticket.ID {
		t.Fatalf("wait: %+v %v", last, err)
	}
	if now, err := c.Status(ctx, ticket.ID); err != nil || now.State != queries.Released {
		t.Errorf("status: %+v %v", now, err)
	}
	if b, err := c.Release(ctx, ticket.ID, JSON); err != nil || string(b) != string(f.stored) {
		t.Errorf("release: %q %v", b, err)
	}
	if b, err := c.Release(ctx, ticket.ID, CSV); err != nil || !strings.HasPrefix(string(b), "level,") {
		t.Errorf("csv: %q %v", b, err)
	}
	if b, err := c.Receipt(ctx, ticket.ID); err != nil || string(b) != "{\"receipt\":  1}\n" {
		t.Errorf("receipt: %q %v", b, err)
	}
	if _, err := c.Cancel(ctx, ticket.ID); !named(err, "finished") {
		t.Errorf("cancel: %v", err)
	}
	if _, err := client(t, c.base.String(), "qx_x").Templates(ctx); !named(err, "unauthenticated") {
		t.Errorf("another token: %v", err)
	}
}

func named(err error, name string) bool {
	var p *Problem
	return errors.As(err, &p) && p.Name() == name
}

// A refusal keeps its type, title, detail, status and members.
func TestClientProblems(t *testing.T) {
	for name, err := range goldenProblems {
		s, f := server(t)
		f.err = err
		_, got := client(t, listen(t, s), "token-a").Ask(context.Background(), queries.Request{Template: "I3", Cost: 1}, "")
		if want := problemOf(err); !reflect.DeepEqual(got, error(want)) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

// The other side of HTTP, an error can be told as on this side.
func TestProblemIs(t *testing.T) {
	for _, err := range []error{queries.ErrMostlyEmpty, queries.ErrParameter, queries.ErrUnknownTemplate, queries.ErrSuspended, ledger.ErrBudget} {
		if !errors.Is(problemOf(err), err) {
			t.Errorf("%v is not itself", err)
		}
		if errors.Is(problemOf(err), queries.ErrNoSnapshot) {
			t.Errorf("%v is another", err)
		}
	}
	for _, err := range []error{queries.ErrTemplate, dp.ErrSealed, context.Canceled, errors.New("x")} {
		if errors.Is(problemOf(err), err) {
			t.Errorf("%v is told", err)
		}
	}
}

// What is no problem document becomes one, and nothing of a foreign page is shown.
func TestClientOfAnotherServer(t *testing.T) {
	for _, c := range []struct{ media, body string }{
		{"text/html", "<h1>proxy</h1>"}, {problemMedia, "{"}, {problemMedia, "{}"}, {"application/json", `{"title":"x"}`},
	} {
		h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", c.media)
			w.WriteHeader(502)
			_, _ = io.WriteString(w, c.body)
		}))
		_, err := client(t, h.URL, "x").Budgets(context.Background())
		h.Close()
		if err == nil || err.Error() != "The server answered 502 Bad Gateway" {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestClientOptions(t *testing.T) {
	for server, ok := range map[string]bool{
		"http://127.0.0.1:8080": true, "http://[::1]:1": true, "http://localhost": true, "https://domain.example": true,
		"http://domain.example": false, "http://127.0.0.1.example": false, "http://10.0.0.1": false, "ftp://localhost": false,
		"": false, "localhost:8080": false, "https://": false, "https://a:b@domain.example": false, "https://domain.example/?x": false,
	} {
		if _, err := NewClient(ClientOptions{Server: server, Token: "x"}); (err == nil) != ok {
			t.Errorf("%s: %v", server, err)
		}
	}
	if _, err := NewClient(ClientOptions{Server: "http://domain.example", Token: "x"}); !errors.Is(err, ErrInsecure) {
		t.Errorf("plain http: %v", err)
	}
	if _, err := NewClient(ClientOptions{Server: "http://domain.example", Token: "x", Insecure: true}); err != nil {
		t.Errorf("plain http on purpose: %v", err)
	}
	if _, err := NewClient(ClientOptions{Server: "https://domain.example"}); err == nil {
		t.Error("no token")
	}
}

// The token is not carried to where a server points.
func TestClientFollowsNoRedirect(t *testing.T) {
	reached := false
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer other.Close()
	h := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer h.Close()
	if _, err := client(t, h.URL, "x").Budgets(context.Background()); err == nil || reached {
		t.Errorf("followed: %v", err)
	}
}

func TestClientChecksTheDigest(t *testing.T) {
	s, f, path := released(t)
	url := listen(t, s)
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		good := do(s.Handler(), r.Method, r.URL.Path, "")
		w.Header().Set("Repr-Digest", good.Header().Get("Repr-Digest"))
		_, _ = w.Write(append(good.Body.Bytes(), ' '))
	}))
	defer h.Close()
	id := strings.TrimPrefix(path, "/v1/releases/")
	if _, err := client(t, h.URL, "token-a").Release(context.Background(), id, JSON); err == nil || !strings.Contains(err.Error(), "digest") {
		t.Errorf("a changed answer: %v", err)
	}
	if b, err := client(t, url, "token-a").Release(context.Background(), id, JSON); err != nil || string(b) != string(f.stored) {
		t.Errorf("the right answer: %v", err)
	}
}

// A stream that breaks off is opened again; an unknown id is the end.
func TestClientWaitsOn(t *testing.T) {
	s, f := server(t)
	r := f.add("insurer-a")
	var broken atomic.Int32
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if broken.Add(1) <= 2 {
			panic(http.ErrAbortHandler)
		}
		f.end(r, queries.Abandoned)
		s.Handler().ServeHTTP(w, q)
	}))
	defer h.Close()
	c := client(t, h.URL, "token-a")
	if got, err := c.Wait(context.Background(), r.ID); err != nil || got.State != queries.Abandoned || broken.Load() != 3 {
		t.Errorf("%+v %v after %d", got, err, broken.Load())
	}
	soon, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := client(t, listen(t, s), "token-a").Wait(soon, "q-9"); !named(err, "unknown-request") {
		t.Errorf("unknown: %v", err)
	}
	ctx, stop := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer stop()
	other := f.add("insurer-a")
	if _, err := client(t, listen(t, s), "token-a").Wait(ctx, other.ID); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ended: %v", err)
	}
}

func TestReadEvents(t *testing.T) {
	var got []queries.State
	text := "retry: 1\n\n: x\n\nevent: other\ndata: {\"state\":\"no\"}\n\nevent:state\ndata:{\"state\":\"running\"}\n\nevent: state\nid: 1\ndata: {\"state\":\"released\"}\n\nevent: state\ndata: {\"state\":\"late\"}\n\n"
	err := readEvents(strings.NewReader(text), func(t queries.Ticket) bool { got = append(got, t.State); return t.State != queries.Released })
	if err != nil || !reflect.DeepEqual(got, []queries.State{"running", "released"}) {
		t.Errorf("%v %v", got, err)
	}
	if err := readEvents(strings.NewReader("event: state\ndata: {\n\n"), func(queries.Ticket) bool { return true }); err == nil {
		t.Error("rubbish is an event")
	}
}
