package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/api/door"
	"github.com/qunxiang/qunxiang/api/openid"
)

// config is the one file a server reads. Its YAML is the manual: see defaultConfig.
type config struct {
	Domain      string `yaml:"domain"`
	Listen      string `yaml:"listen"`
	Internal    string `yaml:"internal"`
	MaxRuns     int    `yaml:"max_runs"`
	MaxInFlight int    `yaml:"max_in_flight"`
	Connections int    `yaml:"max_connections"`
	PerAddress  int    `yaml:"max_connections_per_address"`
	Node        bool   `yaml:"node"`
	TLS         struct {
		Certificate     string `yaml:"certificate"`
		Key             string `yaml:"key"`
		ClientAuthority string `yaml:"client_authority"`
	} `yaml:"tls"`
	Rate struct {
		PerSecond float64 `yaml:"per_second"`
		Burst     int     `yaml:"burst"`
	} `yaml:"rate"`
	OpenID struct {
		Issuer       string `yaml:"issuer"`
		Audience     string `yaml:"audience"`
		ClientID     string `yaml:"client_id"`
		ClientSecret string `yaml:"client_secret_file"`
		Address      string `yaml:"address"`
	} `yaml:"openid"`
}

const defaultConfig = `# Configuration of qunxiang serve. Unknown keys are refused.

# Directory of the domain. Required.
domain: ""

# Where clients connect. Anything but a loopback address needs tls.
listen: 127.0.0.1:8443

# The domain's own listener: /metrics and readiness in detail. Loopback only;
# "" turns it off.
internal: 127.0.0.1:8444

# How many charged requests may await their slots at once, however long their runs
# take: that is data. More are refused before they are charged.
max_runs: 8

# How many requests one principal may have waiting for their answers at once.
max_in_flight: 4

# How many connections clients may have open at once, and how many from one address (of
# IPv6, one network of 64 bits). Where there are more, those close that have not shown a
# token, the silent ones first. Behind a proxy, make both the same.
max_connections: 2048
max_connections_per_address: 256

# Also run the approved training jobs of the domain's node, on the same ledger: see
# qunxiang node. Its settings are in node/node.yaml of the domain.
node: false

# Requests per second of all principals of one organisation, on average and at once.
rate:
  per_second: 50
  burst: 200

# Certificate chain and key, PEM files. They are read again when they change. Clients
# may show a certificate: its key is a principal's where policy.yaml pins it
# (certificates: of a principal). With client_authority, a PEM file, only certificates
# that these authorities issued are let in at all.
tls:
  certificate: ""
  key: ""
  client_authority: ""

# An OpenID provider, whose accounts are principals where policy.yaml says so
# (accounts: of a principal). Programs show an access token made for audience. Browsers
# sign in with client_id at /session/start; the provider sends them back to address and
# /session/return. client_secret_file holds the secret, if the provider gave one.
openid:
  issuer: ""
  audience: ""
  client_id: ""
  client_secret_file: ""
  address: ""
`

func loadConfig(path string) (*config, error) {
	c := &config{}
	if err := yaml.UnmarshalWithOptions([]byte(defaultConfig), c, yaml.Strict()); err != nil {
		return nil, err
	}
	if path == "" {
		return c, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	d := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict())
	if err := d.Decode(c); err != nil && !errors.Is(err, io.EOF) {
		var ye yaml.Error
		if errors.As(err, &ye) && ye.GetToken() != nil {
			p := ye.GetToken().Position
			return nil, &exitError{exitUsage, fmt.Errorf("%s:%d:%d: %s", path, p.Line, p.Column, ye.GetMessage())}
		}
		return nil, &exitError{exitUsage, fmt.Errorf("%s: not a configuration", path)}
	}
	return c, nil
}

func (c *config) check() error {
	switch {
	case c.Domain == "":
		return errors.New("domain is required: --domain D, or domain: in the configuration")
	case c.MaxRuns < 1 || c.MaxInFlight < 1:
		return errors.New("max_runs and max_in_flight must be at least 1")
	case c.Connections < 1 || c.PerAddress < 1:
		return errors.New("max_connections and max_connections_per_address must be at least 1")
	case (c.TLS.Certificate == "") != (c.TLS.Key == ""):
		return errors.New("tls needs both certificate and key")
	case c.TLS.Certificate == "" && !loopback(c.Listen):
		return fmt.Errorf("listen %s is not a loopback address: it needs tls", c.Listen)
	case c.TLS.ClientAuthority != "" && c.TLS.Certificate == "":
		return errors.New("tls needs certificate and key before client_authority")
	case c.Rate.PerSecond <= 0 || c.Rate.Burst < 1:
		return errors.New("rate needs a per_second above 0 and a burst of at least 1")
	case c.OpenID.Issuer == "" && (c.OpenID.Audience != "" || c.OpenID.ClientID != ""):
		return errors.New("openid needs an issuer")
	case c.Internal != "" && !loopback(c.Internal):
		return fmt.Errorf("internal %s must be a loopback address", c.Internal)
	}
	return nil
}

func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func serveCommand() *cobra.Command {
	var path, dir, listen string
	var printConfig, node bool
	c := &cobra.Command{
		Use: "serve", Short: "Serve a domain over HTTP", Args: cobra.NoArgs,
		Example: "  qunxiang serve --print-config > qunxiang.yaml\n  qunxiang serve --config qunxiang.yaml\n  qunxiang serve --domain D",
		RunE: func(c *cobra.Command, _ []string) error {
			if printConfig {
				_, err := io.WriteString(c.OutOrStdout(), defaultConfig)
				return err
			}
			conf, err := loadConfig(path)
			if err != nil {
				return err
			}
			if dir != "" {
				conf.Domain = dir
			}
			if listen != "" {
				conf.Listen = listen
			}
			conf.Node = conf.Node || node
			if err := conf.check(); err != nil {
				return &exitError{exitUsage, err}
			}
			return withCode(serve(c.Context(), conf, c.ErrOrStderr()))
		},
	}
	f := c.Flags()
	f.StringVar(&path, "config", "", "configuration file")
	f.StringVar(&dir, "domain", "", "directory of the domain, in place of the file's")
	f.StringVar(&listen, "addr", "", "HOST:PORT to listen on, in place of the file's")
	f.BoolVar(&node, "node", false, "also run the domain's approved training jobs")
	f.BoolVar(&printConfig, "print-config", false, "print the defaults with their explanation")
	return c
}

func serve(ctx context.Context, conf *config, log io.Writer) error {
	d, err := openDomain(ctx, conf.Domain, writing)
	if err != nil {
		return err
	}
	defer d.Close()
	d.maxRuns, d.maxInFlight = conf.MaxRuns, conf.MaxInFlight
	if err := d.startEngine(); err != nil {
		return err
	}
	s, err := startServer(ctx, d, conf, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		return err
	}
	if conf.Node {
		ended, err := startNode(ctx, d, log)
		if err != nil {
			return errors.Join(err, s.stop())
		}
		defer ended()
	}
	if m, err := d.newest(); err == nil {
		d.warnOfSlot(log, m.People)
	}
	fmt.Fprintf(log, "serving %s on %s\n", conf.Domain, s.url)
	<-s.done // it ends with ctx, or fails
	return s.stop()
}

// startNode runs the node of a domain that serves, on the same ledger and engine. It
// ends with ctx; the function waits for that.
func startNode(ctx context.Context, d *domain, log io.Writer) (ended func(), err error) {
	node, err := newNodeService(d, newNodeConsole(log, false))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer node.client.Close()
		if err := node.run(ctx, ""); err != nil {
			node.console.say("", "the node has ended: %v", err)
		}
	}()
	return func() { cancel(); <-done }, nil
}

// server is a server under way.
type server struct {
	url  string
	stop func() error // ends it and says what went wrong
	done <-chan struct{}
}

func startServer(ctx context.Context, d *domain, conf *config, log *slog.Logger) (*server, error) {
	tokens, err := d.tokens()
	if err != nil {
		return nil, err
	}
	o := api.Options{
		Runner: d.runner, Catalog: d.catalog, Policy: d.policy, Tokens: tokens,
		Rate: api.Rate(conf.Rate), Encoders: encoders, Version: version, Log: log,
	}
	if conf.OpenID.Issuer != "" {
		provider, err := conf.provider(d)
		if err != nil {
			return nil, &exitError{exitUsage, err}
		}
		o.Tokens, o.SignIn = api.Bearers{tokens, provider}, provider
	}
	handler, err := api.New(o)
	if err != nil {
		return nil, err
	}
	listeners, err := conf.listen(log)
	if err != nil {
		return nil, err
	}
	s := &server{url: "http://" + listeners.Clients.Addr().String()}
	if listeners.TLS != nil {
		s.url = "https://" + listeners.Clients.Addr().String()
	}
	serving, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	var failed error
	go func() {
		defer close(done)
		failed = handler.Serve(serving, listeners)
	}()
	s.done = done
	s.stop = func() error {
		cancel()
		<-done
		return failed
	}
	return s, nil
}

// provider is the OpenID provider of the configuration.
func (c *config) provider(d *domain) (*openid.Provider, error) {
	o := openid.Options{Issuer: c.OpenID.Issuer, Audience: c.OpenID.Audience, ClientID: c.OpenID.ClientID, Account: d.policy.ByAccount}
	if o.ClientID != "" {
		o.Redirect = strings.TrimSuffix(c.OpenID.Address, "/") + "/session/return"
	}
	if c.OpenID.ClientSecret != "" {
		secret, err := ownerOnly(c.OpenID.ClientSecret)
		if err != nil {
			return nil, err
		}
		o.ClientSecret = strings.TrimSpace(string(secret))
	}
	return openid.New(o)
}

func (c *config) listen(log *slog.Logger) (l api.Listeners, err error) {
	l.Connections = door.Options{Connections: c.Connections, PerAddress: c.PerAddress}
	if c.TLS.Certificate != "" {
		l.TLS, err = api.NewTLS(api.TLSFiles(c.TLS), func(err error) { log.Error("the certificate files have changed and cannot be used", "error", err) })
		if err != nil {
			return l, err
		}
	}
	if l.Clients, err = net.Listen("tcp", c.Listen); err != nil {
		return l, err
	}
	if c.Internal != "" {
		if l.Internal, err = net.Listen("tcp", c.Internal); err != nil {
			return l, errors.Join(err, l.Clients.Close())
		}
	}
	return l, nil
}
