package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/api/federation"
	"github.com/qunxiang/qunxiang/federated"
)

// coordinating is one run of federated serve.
type coordinating struct {
	dir, addr string
	hosts     []string
	require   bool
	verbose   bool
	asJSON    bool
}

// adminFile tells the coordinator's own commands where it is and how to get in.
type adminFile struct {
	URL       string `json:"url"`
	Address   string `json:"address"` // that it listens on
	Token     string `json:"token"`
	Authority string `json:"authority"` // certificate in PEM
}

const adminName = "admin.json"

func federatedServeCommand() *cobra.Command {
	o := &coordinating{}
	c := &cobra.Command{
		Use: "serve", Short: "Coordinate training: carry sealed messages between nodes", Args: cobra.NoArgs,
		Long: `Serve as the coordinator of training jobs. It needs no data: it carries what the nodes
send each other, keeps the deadlines, and learns no sum. DIR holds its signing key,
the authority for the connections' certificates, the enrolments and the jobs; an
empty or missing DIR is begun. It may be killed at any moment and started again.

What is printed at the start is for the nodes' operators: the address and the
authority's fingerprint to enroll with, and the key that stands on job cards.

A listening address that is not a loopback one needs --host with the names or
addresses that nodes reach it by. Where a proxy opens TLS, client certificates do not
arrive: leave --require-certificate off, and messages are still signed.`,
		Example: "  qunxiang federated serve --dir C\n  qunxiang federated serve --dir C --addr 0.0.0.0:8800 --host train.example.org --require-certificate",
		RunE: func(c *cobra.Command, _ []string) error {
			return withCode(o.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr()))
		},
	}
	f := c.Flags()
	f.StringVar(&o.dir, "dir", "", "the coordinator's directory")
	_ = c.MarkFlagRequired("dir")
	f.StringVar(&o.addr, "addr", "", "HOST:PORT to listen on (default: as the last time, at first a free port of 127.0.0.1)")
	f.StringSliceVar(&o.hosts, "host", nil, "names and addresses that nodes reach it by (default: that of --addr)")
	f.BoolVar(&o.require, "require-certificate", false, "refuse nodes without a client certificate")
	f.BoolVar(&o.verbose, "verbose", false, "log every request")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	return c
}

func (o *coordinating) run(ctx context.Context, out, log io.Writer) error {
	if err := os.MkdirAll(o.dir, 0o700); err != nil {
		return err
	}
	seed, err := secret(o.dir, "coordinator.key")
	if err != nil {
		return err
	}
	key := ed25519.NewKeyFromSeed(seed)
	host, err := federated.OpenHost(federated.HostOptions{Dir: filepath.Join(o.dir, "jobs"), Key: key})
	if err != nil {
		return err
	}
	defer host.Close()
	admin, err := o.admin()
	if err != nil {
		return err
	}
	authority, err := federation.OpenAuthority(federation.AuthorityOptions{Dir: o.dir, Hosts: o.hosts})
	if err != nil {
		return err
	}
	options := federation.HandlerOptions{Host: host, Authority: authority, AdminToken: admin.Token, RequireCertificate: o.require}
	if o.verbose {
		options.Log = slog.New(slog.NewTextHandler(log, nil))
	}
	handler, err := federation.NewHandler(options)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", o.addr)
	if err != nil {
		return err
	}
	if err := o.announce(admin, authority, l.Addr()); err != nil {
		return errors.Join(err, l.Close())
	}
	facts, err := admin.facts(o.dir)
	if err != nil {
		return errors.Join(err, l.Close())
	}
	if o.asJSON {
		err = printJSON(out, facts)
	} else {
		_, err = fmt.Fprintf(out, "coordinating on %s, %d jobs\n", admin.URL, len(host.Jobs()))
		facts.print(out)
	}
	if err != nil {
		return errors.Join(err, l.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go tick(ctx, host, log)
	return handler.Serve(ctx, l, authority.TLS())
}

// admin reads admin.json of the last time, or begins one, and settles the address.
func (o *coordinating) admin() (*adminFile, error) {
	a, err := readAdmin(o.dir)
	if errors.Is(err, fs.ErrNotExist) {
		token := make([]byte, 32)
		rand.Read(token)
		a, err = &adminFile{Address: "127.0.0.1:0", Token: base64.RawURLEncoding.EncodeToString(token)}, nil
	}
	if err != nil {
		return nil, err
	}
	if o.addr == "" {
		o.addr = a.Address
	}
	name, _, err := net.SplitHostPort(o.addr)
	if err != nil {
		return nil, &exitError{exitUsage, fmt.Errorf("--addr %s is not HOST:PORT", o.addr)}
	}
	if len(o.hosts) == 0 {
		if !loopback(o.addr) {
			return nil, &exitError{exitUsage, fmt.Errorf("--addr %s is not a loopback address: say with --host how nodes reach it", o.addr)}
		}
		o.hosts = []string{name}
	}
	if !slices.Contains(o.hosts, "127.0.0.1") {
		o.hosts = append(o.hosts, "127.0.0.1")
	}
	return a, nil
}

// announce writes admin.json for the coordinator's own commands.
func (o *coordinating) announce(a *adminFile, authority *federation.Authority, at net.Addr) error {
	_, port, err := net.SplitHostPort(at.String())
	if err != nil {
		return err
	}
	a.URL, a.Authority = "https://"+net.JoinHostPort(o.hosts[0], port), string(authority.Certificate())
	name, _, err := net.SplitHostPort(o.addr)
	if err != nil {
		return err
	}
	a.Address = net.JoinHostPort(name, port)
	b, err := json.MarshalIndent(a, "", "  ")
	if err != nil {
		return err
	}
	return writeDurably(filepath.Join(o.dir, adminName), append(b, '\n'), 0o600)
}

// coordinatorFacts are what nodes' operators and card writers need to know.
type coordinatorFacts struct {
	URL            string `json:"url"`
	CAFingerprint  string `json:"ca_fingerprint"`
	Key            string `json:"key"`
	KeyFingerprint string `json:"key_fingerprint"`
}

// facts of a coordinator's directory.
func (a *adminFile) facts(dir string) (f coordinatorFacts, err error) {
	block, _ := pem.Decode([]byte(a.Authority))
	if block == nil {
		return f, fmt.Errorf("%s has no authority", filepath.Join(dir, adminName))
	}
	seed, err := secret(dir, "coordinator.key")
	if err != nil {
		return f, err
	}
	key := publicKey(ed25519.NewKeyFromSeed(seed))
	return coordinatorFacts{a.URL, fmt.Sprintf("%x", sha256.Sum256(block.Bytes)), keyText(key), key.Fingerprint()}, nil
}

func (f coordinatorFacts) print(w io.Writer) {
	fmt.Fprintf(w, "  for node enroll  --coordinator %s \\\n                   --ca-fingerprint %s\n", f.URL, f.CAFingerprint)
	fmt.Fprintf(w, "  for job cards    coordinator: {organisation: ..., key: %q}\n", f.Key)
	fmt.Fprintf(w, "  its fingerprint  %s\n", f.KeyFingerprint)
}

// tick keeps the jobs' deadlines.
func tick(ctx context.Context, host *federated.Host, log io.Writer) {
	said := ""
	for ctx.Err() == nil {
		if err := host.Tick(); err != nil && err.Error() != said && ctx.Err() == nil {
			said = err.Error()
			fmt.Fprintln(log, "qunxiang:", err)
		}
		rest(ctx, 250*time.Millisecond)
	}
}

func readAdmin(dir string) (*adminFile, error) {
	b, err := os.ReadFile(filepath.Join(dir, adminName))
	if err != nil {
		return nil, err
	}
	a := &adminFile{}
	if err := json.Unmarshal(b, a); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, adminName), err)
	}
	return a, nil
}

// adminClient calls the coordinator of a directory as its administrator.
func adminClient(dir string) (*federation.Client, error) {
	a, err := readAdmin(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &exitError{exitUsage, fmt.Errorf("%s is no coordinator's directory: qunxiang federated serve makes one", dir)}
	}
	if err != nil {
		return nil, err
	}
	url := a.URL
	if _, port, err := net.SplitHostPort(a.Address); err == nil {
		url = "https://127.0.0.1:" + port // its own machine
	}
	return federation.NewClient(federation.ClientOptions{URL: url, CA: []byte(a.Authority), AdminToken: a.Token, Timeout: 20 * time.Second})
}
