package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
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
	credentials               string
}

func (w *where) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&w.domain, "domain", "", "directory of the domain, to ask in the domain itself")
	f.StringVar(&w.as, "as", "", "principal to ask as, with --domain; with --server who of the credentials file")
	f.StringVar(&w.server, "server", "", "URL of a server, to ask as a client")
	f.StringVar(&w.token, "token", "", "bearer token, with --server (default: the variable QUNXIANG_TOKEN, or what the credentials file has for this server)")
	f.StringVar(&w.certificate, "cert", "", "PEM file with a client certificate, with --server, beside or in place of a token")
	f.StringVar(&w.key, "key", "", "PEM file with its private key")
	f.StringVar(&w.authority, "ca", "", "PEM file with the authorities that vouch for the server (default: this machine's)")
	f.StringVar(&w.credentials, "credentials", "", "credentials file, as the demo writes it (default: "+credentialsDefault+")")
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
		if err := w.fromFile(&o); err != nil {
			return o, err
		}
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

// fromFile takes the token that the credentials file has for this server, and for no
// other.
func (w *where) fromFile(o *api.ClientOptions) error {
	path, err := credentialsPath(w.credentials)
	if err != nil {
		return err
	}
	c, err := readCredentials(path)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("--server needs --token or --cert; there is no credentials file %s", path)
	}
	if err != nil {
		return err
	}
	who, err := c.identity(w.as)
	if err == nil && c.Server != o.Server {
		err = fmt.Errorf("it is for %s: give --token or --cert", c.Server)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	o.Token = who.Token
	return nil
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
