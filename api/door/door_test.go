package door

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// house is a server behind a door. GET /known marks the connection, GET /wait waits for
// open, and everything else says nothing.
type house struct {
	t    *testing.T
	d    *Door
	at   string
	open chan struct{}
	in   chan struct{} // a request waits
}

func newHouse(t *testing.T, o Options) *house {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, d: New(l, o), at: l.Addr().String(), open: make(chan struct{}), in: make(chan struct{}, 16)}
	s := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/known" || r.URL.RawQuery == "known" {
			Known(r.Context())
		}
		if r.URL.Path == "/wait" {
			h.in <- struct{}{}
			<-h.open
		}
	})}
	h.d.Watch(s)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.Serve(h.d)
	}()
	t.Cleanup(func() {
		select {
		case <-h.open:
		default:
			close(h.open)
		}
		_ = s.Close()
		<-ended
	})
	return h
}

// visitor is a connection to the house.
type visitor struct {
	h *house
	net.Conn
	r *bufio.Reader
}

// come opens a connection and waits until the door has it.
func (h *house) come() *visitor {
	h.t.Helper()
	h.d.mu.Lock()
	before := h.d.last
	h.d.mu.Unlock()
	c, err := net.Dial("tcp", h.at)
	if err != nil {
		h.t.Fatal(err)
	}
	h.t.Cleanup(func() { _ = c.Close() })
	v := &visitor{h, c, bufio.NewReader(c)}
	for range 400 {
		h.d.mu.Lock()
		in := h.d.last > before
		h.d.mu.Unlock()
		if in || v.closed(5*time.Millisecond) {
			return v
		}
	}
	h.t.Fatal("the door has not seen a connection")
	return nil
}

// ask sends a request; answered reads its answer.
func (v *visitor) ask(path string) {
	v.h.t.Helper()
	if _, err := io.WriteString(v, "GET "+path+" HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
		v.h.t.Fatal(err)
	}
}

func (v *visitor) answered() bool {
	_ = v.SetReadDeadline(time.Now().Add(10 * time.Second))
	r, err := http.ReadResponse(v.r, nil)
	return err == nil && r.Body.Close() == nil && v.settled()
}

// settled waits until the door knows that the answer is over.
func (v *visitor) settled() bool {
	for range 400 {
		v.h.d.mu.Lock()
		busyNow := false
		for c := range v.h.d.conns {
			busyNow = busyNow || c.RemoteAddr().String() == v.LocalAddr().String() && c.rank != idle
		}
		v.h.d.mu.Unlock()
		if !busyNow {
			return true
		}
		time.Sleep(5 * time.Millisecond)
	}
	return false
}

// closed says whether the door has closed the connection within a time.
func (v *visitor) closed(within time.Duration) bool {
	_ = v.SetReadDeadline(time.Now().Add(within))
	_, err := v.r.Peek(1)
	e, ok := err.(net.Error)
	return err != nil && !(ok && e.Timeout())
}

// What closes for a new connection: strangers who say nothing, the longest there first;
// then strangers who are idle, then those who are served; then known parties
// that are idle.
func TestWhoCloses(t *testing.T) {
	h := newHouse(t, Options{PerAddress: 5})
	known, served, idler := h.come(), h.come(), h.come()
	known.ask("/known")
	idler.ask("/")
	served.ask("/wait")
	<-h.in
	if !known.answered() || !idler.answered() {
		t.Fatal("no answer")
	}
	silent := []*visitor{h.come(), h.come()}
	order := []*visitor{silent[0], silent[1], idler, served, known}
	for i, next := range order {
		c := h.come()
		c.ask("/wait?known")
		<-h.in // it is served, and of a known party
		for k, v := range order {
			if got := v.closed(20 * time.Millisecond); got != (k <= i) {
				t.Fatalf("after %d: the one that closes %d. is closed: %v", i+1, k+1, got)
			}
		}
		if !next.closed(5 * time.Second) {
			t.Fatalf("the %d. is open", i+1)
		}
	}
	// All are known and served: whoever comes now is refused, and they are not.
	if late := h.come(); !late.closed(5 * time.Second) {
		t.Fatal("let in beyond the bound")
	}
	if len(h.d.conns) != 5 {
		t.Fatalf("%d are in", len(h.d.conns))
	}
}

// The whole house has a bound of its own, and whoever leaves makes room.
func TestConnectionsAreBounded(t *testing.T) {
	h := newHouse(t, Options{Connections: 3})
	var all []*visitor
	for range 9 {
		all = append(all, h.come())
	}
	for i, v := range all {
		if got := v.closed(100 * time.Millisecond); got != (i < 6) {
			t.Errorf("%d is closed: %v", i, got)
		}
	}
	_ = all[8].Close()
	for range 400 {
		h.d.mu.Lock()
		n := len(h.d.conns)
		h.d.mu.Unlock()
		if n == 2 {
			break
		}
		time.Sleep(5 * time.Millisecond)
	}
	h.come()
	for _, v := range all[6:8] {
		if v.closed(50 * time.Millisecond) {
			t.Error("closed though there was room")
		}
	}
}

// An address is one of IPv4, also where it is written as IPv6, or a network of IPv6.
func TestAddresses(t *testing.T) {
	from := func(s string) string { return addressOf(at{text: s}).String() }
	for a, want := range map[string]string{
		"192.0.2.7:80": "192.0.2.7/32", "[::ffff:192.0.2.7]:80": "192.0.2.7/32",
		"[2001:db8:1:2:3:4:5:6]:443": "2001:db8:1:2::/64", "[fe80::1%eth0]:1": "fe80::/64", "pipe": "invalid Prefix",
	} {
		if got := from(a); got != want {
			t.Errorf("%s is %s, want %s", a, got, want)
		}
	}
}

type at struct {
	net.Conn
	text string
}

func (a at) RemoteAddr() net.Addr { return a }
func (a at) Network() string      { return "tcp" }
func (a at) String() string       { return a.text }

// A request that came by no door is nobody's.
func TestKnownElsewhere(t *testing.T) { Known(context.Background()) }
