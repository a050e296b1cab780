package federation

import (
	"crypto/tls"
	"io"
	"net"
	"net/http/httptrace"
	"testing"
	"time"
)

// 500 strangers keep connections open at the coordinator: some say nothing, some begin
// a TLS handshake, some a header that does not end. A node's request gets through on a new connection,
// and the one that it had is still its own.
func TestStrangersDoNotStopANode(t *testing.T) {
	w := newWorld(t)
	job := w.job()
	old, fresh := w.node(0), w.node(1)
	if _, err := old.Card(ctx, job); err != nil {
		t.Fatal(err)
	}
	var strangers []net.Conn
	defer func() {
		for _, c := range strangers {
			_ = c.Close()
		}
	}()
	for i := range 500 {
		c, err := net.Dial("tcp", w.addr)
		must(t, err)
		strangers = append(strangers, c)
		switch i % 3 {
		case 1:
			_, err = c.Write([]byte{22, 3, 1, 1, 0}) // the head of a ClientHello of 256 bytes
			must(t, err)
		case 2:
			if i > 400 { // handshakes cost time; these are among the last that stay
				secure := tls.Client(c, &tls.Config{InsecureSkipVerify: true})
				if secure.HandshakeContext(ctx) == nil {
					_, _ = io.WriteString(secure, "GET /v1/federated/jobs HTTP/1.1\r\nHost: x\r\nX-Slow: ")
				}
			}
		}
	}
	for name, c := range map[string]*Client{"a new connection": fresh, "the old connection": old} {
		reused := false
		traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
		if _, err := c.Card(traced, job); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if reused != (c == old) {
			t.Errorf("%s: reused %v", name, reused)
		}
	}
	open := 0
	for _, c := range strangers {
		_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
		if _, err := c.Read(make([]byte, 1)); err == nil || isTimeout(err) {
			open++
		}
	}
	if open == 0 || open > 256 {
		t.Errorf("%d strangers are still there", open)
	}
}

func isTimeout(err error) bool {
	e, ok := err.(net.Error)
	return ok && e.Timeout()
}

// Strangers who ask something, and keep their connections, close each other's and not a
// node's.
func TestStrangersWhoAsk(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.adjust = func(o *HandlerOptions) { o.Connections.PerAddress = 12 }
	})
	job := w.job()
	node := w.node(0)
	_, err := node.Card(ctx, job)
	must(t, err)
	for range 20 {
		stranger := w.client(nil)
		if _, err := stranger.Jobs(ctx); err == nil {
			t.Fatal("a stranger hears of jobs")
		}
	}
	reused := false
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
	_, err = node.Card(traced, job)
	must(t, err)
	if !reused {
		t.Error("the node's connection was closed for strangers'")
	}
}
