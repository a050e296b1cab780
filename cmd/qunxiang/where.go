package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/queries"
)

// asker answers questions: the domain itself through its Runner, or a server.
type asker interface {
	Estimate(ctx context.Context, req queries.Request) (*queries.Estimate, error)
	Ask(ctx context.Context, req queries.Request, idempotency string) (queries.Ticket, error)
	Wait(ctx context.Context, id string) (queries.Ticket, error)
	// Answer gives a release in a format: json, csv, arrow, parquet or xlsx.
	Answer(ctx context.Context, id, format string) ([]byte, error)
	Receipt(ctx context.Context, id string) ([]byte, error)
	Close() error
}

// where says whom to ask.
type where struct {
	domain, as, server, token string
	authority                 string
	certificate, key          string
}

func (w *where) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&w.domain, "domain", "", "directory of the domain, to ask in the domain itself")
	f.StringVar(&w.as, "as", "", "principal to ask as, with --domain")
	f.StringVar(&w.server, "server", "", "URL of a server, to ask as a client")
	f.StringVar(&w.token, "token", "", "bearer token, with --server (or the variable QUNXIANG_TOKEN)")
	f.StringVar(&w.certificate, "cert", "", "PEM file with a client certificate, with --server, beside or in place of a token")
	f.StringVar(&w.key, "key", "", "PEM file with its private key")
	f.StringVar(&w.authority, "ca", "", "PEM file with the authorities that vouch for the server (default: this machine's)")
}

// open connects to the one place that was named. reading asks for no lock.
func (w *where) open(ctx context.Context, reading bool) (asker, error) {
	switch {
	case (w.domain == "") == (w.server == ""):
		return nil, &exitError{exitUsage, fmt.Errorf("give either --domain and --as, or --server with --token or --cert")}
	case w.server != "":
		o, err := w.client()
		if err != nil {
			return nil, &exitError{exitUsage, err}
		}
		return newRemote(o)
	case w.as == "":
		return nil, &exitError{exitUsage, fmt.Errorf("--domain needs --as, the principal who asks")}
	}
	return newLocal(ctx, w.domain, w.as, reading)
}

// client is how the server is reached and what it is shown.
func (w *where) client() (api.ClientOptions, error) {
	o := api.ClientOptions{Server: w.server, Token: w.token}
	if o.Token == "" {
		o.Token = os.Getenv("QUNXIANG_TOKEN")
	}
	if (w.certificate == "") != (w.key == "") {
		return o, errors.New("--cert and --key go together")
	}
	if o.Token == "" && w.certificate == "" {
		return o, errors.New("--server needs --token or --cert")
	}
	if w.certificate != "" {
		pair, err := tls.LoadX509KeyPair(w.certificate, w.key)
		if err != nil {
			return o, err
		}
		o.Certificate = &pair
	}
	if w.authority != "" {
		var err error
		if o.Authorities, err = w.authorities(); err != nil {
			return o, err
		}
	}
	return o, nil
}

// authorities reads who vouches for the server.
func (w *where) authorities() (*x509.CertPool, error) {
	text, err := os.ReadFile(w.authority)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("%s holds no certificate", w.authority)
	}
	return pool, nil
}
