package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/api/door"
	"github.com/qunxiang/qunxiang/api/openid"
	"github.com/qunxiang/qunxiang/queries/child"
)

// config is the one file a server reads. Its YAML is the manual: see defaultConfig.
type config struct {
	Domain      string         `yaml:"domain"`
	Listen      string         `yaml:"listen"`
	Internal    string         `yaml:"internal"`
	MaxRuns     int            `yaml:"max_runs"`
	MaxInFlight int            `yaml:"max_in_flight"`
	Connections int            `yaml:"max_connections"`
	PerAddress  int            `yaml:"max_connections_per_address"`
	Node        bool           `yaml:"node"`
	Coordinator string         `yaml:"coordinator"`
	Engine      engineSettings `yaml:"engine"`
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
	Register struct {
		Authority string `yaml:"authority"`
		Contact   string `yaml:"contact"`
		URL       string `yaml:"url"`
	} `yaml:"register"`
}

const defaultConfig = `# Configuration of qunxiang serve. Unknown keys are refused.

# Directory of the domain. Required.
domain: ""

# Where clients connect. Anything but a loopback address needs tls.
listen: 127.0.0.1:8443

# The domain's own listener: /metrics, readiness in detail, and for stewards who sign in
# the page about the data (/console/data). Loopback only; "" turns it off.
internal: 127.0.0.1:8444

# How many charged requests may await their slots at once, however long their runs
# take: that is data. More are refused before they are charged.
max_runs: 8

# How many requests one organisation may have waiting for their answers at once.
max_in_flight: 4

# How many connections clients may have open at once, and how many from one address (of
# IPv6, one network of 64 bits). Where there are more, those close that have not shown a
# token, the silent ones first. Behind a proxy, make both the same.
max_connections: 2048
max_connections_per_address: 256

# Each question is answered by a process of its own, which can read one snapshot and
# reach nothing else, as far as the system can shut it in (on Linux by Landlock and
# seccomp). sandbox: required starts only where all of that is in force; auto takes
# what there is, and says what that is when it starts; off leaves it out. memory_mib is
# the most memory of one such process: it ends there, and its request is abandoned.
engine:
  sandbox: auto
  memory_mib: 4096

# Also run the approved training jobs of the domain's node, on the same ledger: see
# qunxiang node. Its settings are in node/node.yaml of the domain.
node: false

# Directory of a coordinator on this machine, where the authority runs one too: stewards
# see all of its jobs, and the nodes that ask to be enrolled. Empty: none.
coordinator: ""

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

# What the public register at /register says of whoever keeps the data: a name, how a
# person reaches them to opt out (an office, a telephone number, hours), and an https
# address where that is explained. The page says plainly what is not given.
register:
  authority: ""
  contact: ""
  url: ""
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
	if err := strictYAML(path, "a configuration", text, c); err != nil {
		return nil, &exitError{exitUsage, err}
	}
	return c, nil
}

func (c *config) check() error {
	switch {
	case c.Domain == "":
		return errors.New("domain is required: --domain D, or domain: in the configuration")
	case c.MaxRuns < 1 || c.MaxInFlight < 1:
		return errors.New("max_runs and max_in_flight must be at least 1")
	case c.Engine.Sandbox != child.Auto && c.Engine.Sandbox != child.Required && c.Engine.Sandbox != child.Off:
		return fmt.Errorf("engine: sandbox is %s, %s or %s", child.Auto, child.Required, child.Off)
	case c.Engine.Memory < leastEngineMemory:
		return fmt.Errorf("engine: memory_mib must be at least %d", leastEngineMemory)
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
	case c.Register.URL != "" && !strings.HasPrefix(c.Register.URL, "https://"):
		return errors.New("register: url must begin with https://")
	case c.Coordinator != "" && !exists(c.Coordinator):
		return fmt.Errorf("there is no coordinator in %s", c.Coordinator)
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

// provider is the OpenID provider of the configuration.
func (c *config) provider(d *domain) (*openid.Provider, error) {
	o := openid.Options{Issuer: c.OpenID.Issuer, Audience: c.OpenID.Audience, ClientID: c.OpenID.ClientID, Account: d.inForce.ByAccount}
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
