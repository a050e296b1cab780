// Package door keeps strangers' connections from crowding out those of the parties that
// a server knows. A [Door] is a listener that holds a bounded number of connections, in
// all and from one address. Where a bound is met a new connection is let in and another
// is closed for it: first one that has not got a request through yet, among them
// unfinished TLS handshakes and headers that do not end, then one of nobody that is
// known, then one that is idle. Whoever opens connections and says nothing closes
// its own.
//
// What is not held off: connections that come faster than a known party's handshake is
// done with. That takes a network's own means.
package door

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"sync"
)

// Options bound the connections of a server.
type Options struct {
	Connections int // open at once; default 2048
	// PerAddress bounds those of one IPv4 address or IPv6 network of 64 bits; default
	// 256. Behind a proxy all connections are the proxy's.
	PerAddress int
}

// Door is a listener with bounds. It is safe for concurrent use.
type Door struct {
	net.Listener
	o     Options
	mu    sync.Mutex
	last  uint64
	conns map[*conn]struct{}
	by    map[netip.Prefix]int
}

// New puts a door before a listener. Watch tells it how connections are doing.
func New(l net.Listener, o Options) *Door {
	if o.Connections <= 0 {
		o.Connections = 2048
	}
	if o.PerAddress <= 0 {
		o.PerAddress = 256
	}
	return &Door{Listener: l, o: o, conns: map[*conn]struct{}{}, by: map[netip.Prefix]int{}}
}

// Watch makes a server report its connections; call it before Serve. It sets ConnState
// and ConnContext.
func (d *Door) Watch(s *http.Server) {
	s.ConnState = func(c net.Conn, state http.ConnState) {
		if c := under(c); c != nil {
			d.moved(c, state)
		}
	}
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, key{}, under(c))
	}
}

// key is where a request's context has its connection.
type key struct{}

// Known marks a request's connection as one of a party that the server knows. It does
// nothing for a request that came by no door.
func Known(ctx context.Context) {
	if c, _ := ctx.Value(key{}).(*conn); c != nil {
		c.door.mu.Lock()
		defer c.door.mu.Unlock()
		c.known = true
	}
}

// Accept waits for a connection that there is room for.
func (d *Door) Accept() (net.Conn, error) {
	for {
		raw, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c, out := d.enter(raw)
		if out != nil {
			_ = out.Close()
		}
		if c != nil {
			return c, nil
		}
		_ = raw.Close()
	}
}

// conn is a connection that came in. The door's lock guards what changes.
type conn struct {
	net.Conn
	door  *Door
	from  netip.Prefix
	used  uint64 // when it last began to wait, in the door's count
	rank  rank
	known bool
	gone  bool
}

// rank is what a connection does.
type rank int

const (
	silent rank = iota // no request has come through yet
	idle               // between requests
	busy               // a request is served
)

// Close gives the place back.
func (c *conn) Close() error {
	c.door.mu.Lock()
	c.door.leave(c)
	c.door.mu.Unlock()
	return c.Conn.Close()
}

// enter takes a place, if need be another's, which is to be closed; nil if all are in
// use by known parties.
func (d *Door) enter(raw net.Conn) (c, out *conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	from := addressOf(raw)
	switch {
	case d.by[from] >= d.o.PerAddress:
		out = d.first(func(c *conn) bool { return c.from == from })
	case len(d.conns) >= d.o.Connections:
		out = d.first(func(*conn) bool { return true })
	}
	if out == nil && (d.by[from] >= d.o.PerAddress || len(d.conns) >= d.o.Connections) {
		return nil, nil
	}
	if out != nil {
		d.leave(out)
	}
	d.last++
	c = &conn{Conn: raw, door: d, from: from, used: d.last}
	d.conns[c] = struct{}{}
	d.by[from]++
	return c, out
}

// first is the connection to close for another, nil for none: see the package.
func (d *Door) first(in func(*conn) bool) (out *conn) {
	for c := range d.conns {
		if in(c) && c.spared() < 4 && (out == nil || c.spared() < out.spared() || c.spared() == out.spared() && c.used < out.used) {
			out = c
		}
	}
	return out
}

// spared orders what is closed for others: strangers who say nothing, idle ones, busy
// ones, known parties that are idle; and never these while they are served.
func (c *conn) spared() int {
	switch {
	case !c.known:
		return int(c.rank)
	case c.rank == busy:
		return 4
	}
	return 3
}

// moved notes what net/http says of a connection.
func (d *Door) moved(c *conn, state http.ConnState) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch state {
	case http.StateActive:
		c.rank = busy
	case http.StateIdle:
		d.last++
		c.rank, c.used = idle, d.last
	case http.StateHijacked, http.StateClosed:
		d.leave(c)
	}
}

// leave gives a connection's place back, once.
func (d *Door) leave(c *conn) {
	if c.gone {
		return
	}
	c.gone = true
	delete(d.conns, c)
	if d.by[c.from]--; d.by[c.from] == 0 {
		delete(d.by, c.from)
	}
}

// under is the door's connection beneath TLS; nil for another's.
func under(c net.Conn) *conn {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	own, _ := c.(*conn)
	return own
}

// addressOf is who a connection counts as.
func addressOf(c net.Conn) netip.Prefix {
	at, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Prefix{} // no address, as of a pipe
	}
	a := at.Addr().Unmap().WithZone("")
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}
