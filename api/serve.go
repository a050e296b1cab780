package api

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/qunxiang/qunxiang/api/door"
)

// Listeners are where a server is reached. The listeners are closed when Serve
// returns.
type Listeners struct {
	Clients net.Listener
	// Internal is the domain's own; nil where there is none.
	Internal net.Listener
	// TLS serves clients over HTTPS; nil is plain HTTP, for loopback.
	TLS *tls.Config
	// Connections bound what clients have open at once; see door.Options for the
	// defaults. Whoever has shown a token goes before those who have not.
	Connections door.Options
	// Grace is how long open requests may take to end; default 10 s.
	Grace time.Duration
}

// Serve answers until ctx ends, then lets open requests finish and returns nil.
// It returns an error where a listener fails or the grace is over.
func (s *Server) Serve(ctx context.Context, l Listeners) error {
	if l.Grace <= 0 {
		l.Grace = 10 * time.Second
	}
	clients := s.httpServer(s.Handler())
	if l.TLS != nil {
		clients.TLSConfig = l.TLS
	}
	limited := door.New(l.Clients, l.Connections)
	limited.Watch(clients)
	servers := []*http.Server{clients}
	failed := make(chan error, 2)
	go func() {
		if l.TLS != nil {
			failed <- clients.ServeTLS(limited, "", "")
			return
		}
		failed <- clients.Serve(limited)
	}()
	if l.Internal != nil {
		internal := s.httpServer(s.Internal())
		servers = append(servers, internal)
		go func() { failed <- internal.Serve(l.Internal) }()
	}
	var err error
	ended := 0
	select {
	case <-ctx.Done():
	case err = <-failed:
		ended++
	}
	s.Close()
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.Grace)
	defer cancel()
	for _, server := range servers {
		err = errors.Join(err, shutDown(grace, server))
	}
	for ; ended < len(servers); ended++ {
		if e := <-failed; !errors.Is(e, http.ErrServerClosed) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// httpServer bounds what a connection may take: time for the header, the body
// and the answer, and the size of the header. Event streams set deadlines of
// their own. net/http's own log is dropped: it quotes what clients send.
func (s *Server) httpServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      s.Timeout + 30*time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
}

// shutDown ends a server within ctx, by force after it.
func shutDown(ctx context.Context, server *http.Server) error {
	err := server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, server.Close())
	}
	return err
}
