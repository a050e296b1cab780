package api

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/queries"
)

// open starts an event stream at a running server.
func open(t *testing.T, url, id string, headers ...string) *http.Response {
	t.Helper()
	r, _ := http.NewRequest("GET", url+"/v1/queries/"+id+"/events", nil)
	r.Header.Set("Authorization", "Bearer token-a")
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close(); http.DefaultClient.CloseIdleConnections() })
	return res
}

func listen(t *testing.T, s *Server) string {
	t.Helper()
	h := httptest.NewServer(s.Handler())
	t.Cleanup(h.Close)
	return h.URL
}

func event(t *fakeTicket, state string) string {
	return "event: state\nid: " + state + "\ndata: {\"id\":\"" + t.ID + "\",\"state\":\"" + state +
		"\",\"due\":\"2026-01-31T12:00:02Z\",\"release\":\"" + t.ID + "\",\"charged\":true}\n\n"
}

// A stream is exactly: the present state, comments, the last state, the end.
func TestEvents(t *testing.T) {
	for _, state := range []queries.State{queries.Released, queries.Abandoned} {
		s, f := server(t, func(o *Options) { o.Heartbeat = 5 * time.Millisecond })
		r := f.add("insurer-a")
		res := open(t, listen(t, s), r.ID)
		if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" || res.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %v", res.StatusCode, res.Header)
		}
		lines := bufio.NewReader(res.Body)
		first := ""
		for !strings.Contains(first, ": waiting") { // two beats at least, before anything ends
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatal(err)
			}
			first += line
		}
		f.end(r, state)
		text := strings.ReplaceAll(first+readAll(t, lines), ": waiting\n\n", "")
		if want := "retry: 2000\n\n" + event(r, "running") + event(r, string(state)); text != want {
			t.Errorf("got %q\nwant %q", text, want)
		}
	}
}

func TestEventsOfWhatIsOver(t *testing.T) {
	s, f := server(t)
	r := f.add("insurer-a")
	f.end(r, queries.Released)
	url := listen(t, s)
	if got := readAll(t, open(t, url, r.ID).Body); got != "retry: 2000\n\n"+event(r, "released") {
		t.Errorf("got %q", got)
	}
	if res := open(t, url, r.ID, "Last-Event-ID: released"); res.StatusCode != 204 {
		t.Errorf("seen already, but %d", res.StatusCode)
	}
	if res := open(t, url, r.ID, "Last-Event-ID: running"); res.StatusCode != 200 {
		t.Errorf("not seen, but %d", res.StatusCode)
	}
}

func TestTooManyStreams(t *testing.T) {
	s, f := server(t, func(o *Options) { o.MaxStreams = 2 })
	r := f.add("insurer-a")
	url := listen(t, s)
	open(t, url, r.ID)
	last := open(t, url, r.ID)
	if res := open(t, url, r.ID); res.StatusCode != 429 {
		t.Errorf("a third stream: %d", res.StatusCode)
	}
	f.end(r, queries.Released)
	readAll(t, last.Body)
	eventually(t, func() bool { s.streams.mu.Lock(); defer s.streams.mu.Unlock(); return len(s.streams.open) == 0 })
}

// eventually waits for what another goroutine is about to do.
func eventually(t *testing.T, done func() bool) {
	t.Helper()
	for range 400 {
		if done() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("it did not happen in two seconds")
}

// A client that goes away ends its stream, and closing the server all of them.
func TestStreamsEnd(t *testing.T) {
	s, f := server(t)
	r := f.add("insurer-a")
	url := listen(t, s)
	count := func() int { s.streams.mu.Lock(); defer s.streams.mu.Unlock(); return s.streams.open["insurer-a"] }
	gone := open(t, url, r.ID)
	eventually(t, func() bool { return count() == 1 })
	gone.Body.Close()
	eventually(t, func() bool { return count() == 0 })
	res := open(t, url, r.ID)
	s.Close()
	s.Close()
	if got := readAll(t, res.Body); got != "retry: 2000\n\n"+event(r, "running") {
		t.Errorf("got %q", got)
	}
}

// The time limits of a listener are for requests, not for streams.
func TestListenersLimitsDoNotEndStreams(t *testing.T) {
	s, f := server(t)
	r := f.add("insurer-a")
	h := httptest.NewUnstartedServer(s.Handler())
	h.Config.ReadTimeout, h.Config.WriteTimeout = 100*time.Millisecond, 100*time.Millisecond
	h.Start()
	t.Cleanup(h.Close)
	res := open(t, h.URL, r.ID)
	time.AfterFunc(250*time.Millisecond, func() { f.end(r, queries.Released) })
	if got := readAll(t, res.Body); !strings.HasSuffix(got, event(r, "released")) {
		t.Errorf("the stream ended early: %q", got)
	}
}

// Asking may wait for a run of the same question; see Server.operation.
func TestNoReadDeadlineWhileAsking(t *testing.T) {
	s, _ := server(t)
	for _, path := range []string{"/v1/queries", "/v1/estimates"} {
		if op := s.huma.OpenAPI().Paths[path].Post; op.BodyReadTimeout >= 0 || op.MaxBodyBytes != maxBody {
			t.Errorf("%s: %v, %d bytes", path, op.BodyReadTimeout, op.MaxBodyBytes)
		}
	}
}

func TestServe(t *testing.T) {
	s, f := server(t)
	r := f.add("insurer-a")
	clients, internal := port(t), port(t)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- s.Serve(ctx, Listeners{Clients: clients, Internal: internal, Grace: 2 * time.Second}) }()
	res := open(t, "http://"+clients.Addr().String(), r.ID)
	if res, err := http.Get("http://" + internal.Addr().String() + "/metrics"); err != nil || res.StatusCode != 200 {
		t.Errorf("metrics: %v", err)
	} else {
		res.Body.Close()
	}
	stop()
	if got := readAll(t, res.Body); !strings.Contains(got, "running") {
		t.Errorf("the stream: %q", got)
	}
	if err := <-done; err != nil {
		t.Errorf("serve: %v", err)
	}
	if _, err := http.Get("http://" + clients.Addr().String() + "/healthz"); err == nil {
		t.Error("still listening")
	}
}

func port(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A listener that fails ends the server.
func TestServeFails(t *testing.T) {
	s, _ := server(t)
	l := port(t)
	l.Close()
	if err := s.Serve(context.Background(), Listeners{Clients: l, Internal: port(t)}); err == nil {
		t.Error("nothing said")
	}
}
