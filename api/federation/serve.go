package federation

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

// Serve answers on a listener over TLS until ctx ends, then gives open requests ten
// seconds and returns nil; it closes the listener. conf is [Authority.TLS], or another for
// a server that has its certificate from elsewhere. HTTP/2 is not spoken: calls are short,
// and the deadlines are a connection's. Connections are bounded by a [door.Door], which
// knows members and the administrator.
func (h *Handler) Serve(ctx context.Context, l net.Listener, conf *tls.Config) error {
	t := h.times
	server := &http.Server{
		Handler: h, TLSConfig: conf, TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
		ReadHeaderTimeout: 10 * time.Second, ReadTimeout: t.posting + 10*time.Second, WriteTimeout: 2*t.posting + 10*time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10,
		ErrorLog: log.New(io.Discard, "", 0), // quotes what clients send
	}
	d := door.New(l, h.o.Connections)
	d.Watch(server)
	failed := make(chan error, 1)
	go func() { failed <- server.ServeTLS(d, "", "") }()
	select {
	case err := <-failed:
		return errors.Join(err, server.Close())
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := server.Shutdown(grace)
	if err != nil {
		err = errors.Join(err, server.Close())
	}
	if e := <-failed; !errors.Is(e, http.ErrServerClosed) {
		err = errors.Join(err, e)
	}
	return err
}
