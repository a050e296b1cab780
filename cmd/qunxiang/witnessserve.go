package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/api/door"
	"github.com/qunxiang/qunxiang/policy/witness"
)

func witnessServeCommand() *cobra.Command {
	var dir, listen, certificate, key string
	var asJSON, printUnits bool
	c := &cobra.Command{
		Use: "serve", Short: "Cosign the checkpoints that logs send", Args: cobra.NoArgs,
		Long: `Serve a witness over HTTP, as C2SP tlog-witness has it: POST /add-checkpoint. Beside it
GET /HASH/checkpoint gives the newest checkpoint cosigned of the log whose origin has
that SHA-256; a log asks so whether its own disk was put back to an older copy.

Nobody needs a token: only checkpoints that a known log signed are looked at. What the
operator must see goes to standard error: above all, a log that has two histories.

It may be killed at any moment. With a state that is lost or damaged it does not start.
--print-unit prints a unit of systemd for the paths given here.`,
		Example: "  qunxiang witness serve --dir W\n  qunxiang witness serve --dir W --addr 0.0.0.0:8700 --cert witness.crt --key witness.key.pem",
		RunE: func(c *cobra.Command, _ []string) error {
			conf, err := loadWitness(dir)
			if err != nil {
				return err
			}
			if listen != "" {
				conf.Listen = listen
			}
			if certificate != "" || key != "" {
				conf.TLS = api.TLSFiles{Certificate: certificate, Key: key}
			}
			if err := conf.check(); err != nil {
				return &exitError{exitUsage, err}
			}
			if printUnits {
				return witnessUnit(c.OutOrStdout(), dir, conf)
			}
			return witnessCode(serveWitness(c.Context(), dir, conf, c.OutOrStdout(), c.ErrOrStderr(), asJSON))
		},
	}
	witnessDir(c, &dir, &asJSON)
	f := c.Flags()
	f.StringVar(&listen, "addr", "", "HOST:PORT to listen on, in place of the file's")
	f.StringVar(&certificate, "cert", "", "certificate chain, a PEM file, in place of the file's")
	f.StringVar(&key, "key", "", "its private key, a PEM file")
	f.BoolVar(&printUnits, "print-unit", false, "print a unit of systemd that serves as this line would")
	return c
}

// witnessUnit prints the unit of a witness.
func witnessUnit(w io.Writer, dir string, conf *witnessConfig) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	args := []string{"witness", "serve", "--dir", dir, "--addr", conf.Listen}
	if conf.TLS.Certificate != "" {
		for _, file := range []string{conf.TLS.Certificate, conf.TLS.Key} {
			if !filepath.IsAbs(file) {
				return &exitError{exitUsage, fmt.Errorf("%s: write the whole path: a service has no folder of its own", file)}
			}
		}
		args = append(args, "--cert", conf.TLS.Certificate, "--key", conf.TLS.Key)
	}
	return printUnit(w, "witness.service", "qunxiang witness serve --print-unit", args, []string{dir})
}

func (c *witnessConfig) check() error {
	switch {
	case (c.TLS.Certificate == "") != (c.TLS.Key == ""):
		return errors.New("tls needs both certificate and key")
	case c.TLS.Certificate == "" && !loopback(c.Listen):
		return fmt.Errorf("%s is not a loopback address: it needs tls", c.Listen)
	}
	return nil
}

func serveWitness(ctx context.Context, dir string, conf *witnessConfig, out, say io.Writer, asJSON bool) error {
	own, err := witnessSigner(dir, conf)
	if err != nil {
		return err
	}
	var handler slog.Handler = slog.NewTextHandler(say, nil)
	if asJSON {
		handler = slog.NewJSONHandler(say, nil)
	}
	log := slog.New(handler)
	w, err := witness.Open(witness.Options{Dir: dir, Cosigner: own, Logs: conf.logs(), Log: log})
	if err != nil {
		return err
	}
	defer w.Close()
	server, scheme := w.Server(), "http"
	if conf.TLS.Certificate != "" {
		scheme = "https"
		server.TLSConfig, err = api.NewTLS(conf.TLS, func(err error) { log.Error("the certificate files have changed and cannot be used", "error", err) })
		if err != nil {
			return err
		}
	}
	l, err := net.Listen("tcp", conf.Listen)
	if err != nil {
		return err
	}
	if asJSON {
		err = printJSON(out, map[string]any{"name": own.Name(), "key": own.VerifierKey(), "url": scheme + "://" + l.Addr().String(), "logs": len(conf.logs())})
	} else {
		_, err = fmt.Fprintf(out, "witness %s on %s://%s, %d logs\n", own.Name(), scheme, l.Addr(), len(conf.logs()))
	}
	if err != nil {
		return errors.Join(err, l.Close())
	}
	stopped, err := underManager(ctx, func() {})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	defer stopped()
	return serveBehindDoor(ctx, server, l)
}

// serveBehindDoor answers until ctx ends, over TLS where the server has it.
func serveBehindDoor(ctx context.Context, server *http.Server, l net.Listener) error {
	limited := door.New(l, door.Options{})
	limited.Watch(server)
	failed := make(chan error, 1)
	go func() {
		if server.TLSConfig != nil {
			failed <- server.ServeTLS(limited, "", "")
			return
		}
		failed <- server.Serve(limited)
	}()
	select {
	case err := <-failed:
		return err
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
