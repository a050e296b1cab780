package api

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/api/door"
)

// Strangers' connections, silent ones and such that have asked something, do not close
// that of a client with a token, nor keep a new client out.
func TestStrangersDoNotStopAClient(t *testing.T) {
	s, _ := server(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- s.Serve(ctx, Listeners{Clients: l, Grace: time.Second, Connections: door.Options{PerAddress: 8}})
	}()
	at := l.Addr().String()
	client := func() *http.Client {
		transport := &http.Transport{}
		t.Cleanup(transport.CloseIdleConnections)
		return &http.Client{Transport: transport, Timeout: 10 * time.Second}
	}
	reused := false
	ask := func(c *http.Client, path, token string) {
		t.Helper()
		traced := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
		r, err := http.NewRequestWithContext(traced, http.MethodGet, "http://"+at+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		res, err := c.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, res.Body); err != nil {
			t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d, %v", path, res.StatusCode, err)
		}
	}
	known := client()
	ask(known, "/v1/templates", "token-a")
	var silent []net.Conn
	for i := range 40 {
		if i%2 == 0 {
			ask(client(), "/healthz", "")
			continue
		}
		c, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		silent = append(silent, c)
	}
	ask(known, "/v1/templates", "token-a")
	if !reused {
		t.Error("the client's connection was closed for strangers'")
	}
	ask(client(), "/v1/templates", "token-a")
	open := 0
	for _, c := range silent { // a server waits for those who have yet to ask
		_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, err := c.Read(make([]byte, 1)); errors.Is(err, os.ErrDeadlineExceeded) {
			open++
		}
		_ = c.Close()
	}
	if open > 8 {
		t.Errorf("%d silent strangers are still there", open)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
