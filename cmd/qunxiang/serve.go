package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/api"
)

func serveCommand() *cobra.Command {
	var path, dir, listen string
	var printConfig, printUnit, printAlerts, node, unwitnessed bool
	c := &cobra.Command{
		Use: "serve", Short: "Serve a domain over HTTP", Args: cobra.NoArgs,
		Long: `Serve a domain over HTTP until SIGTERM or an interrupt: then nothing new is taken, and
what was charged is answered at its slot, or after the next start where it has come by
then. Policy, tokens and certificates are read again when their files change.

--print-unit prints a unit of systemd for the very paths given here, which keeps the
server to its domain's folder, without core dumps and swap. The server tells systemd
when it takes requests, that it is alive, and how long its stop takes.`,
		Example: `  qunxiang serve --print-config > qunxiang.yaml
  qunxiang serve --config qunxiang.yaml
  qunxiang serve --domain D
  qunxiang serve --config /etc/qunxiang.yaml --print-unit > /etc/systemd/system/qunxiang.service`,
		RunE: func(c *cobra.Command, _ []string) error {
			if printConfig {
				_, err := io.WriteString(c.OutOrStdout(), defaultConfig)
				return err
			}
			if printAlerts {
				_, err := io.WriteString(c.OutOrStdout(), alertRules)
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
			if printUnit {
				return serveUnit(c.OutOrStdout(), path, conf, listen, node)
			}
			return withCode(serve(c.Context(), conf, unwitnessed, c.ErrOrStderr()))
		},
	}
	f := c.Flags()
	f.StringVar(&path, "config", "", "configuration file")
	f.StringVar(&dir, "domain", "", "directory of the domain, in place of the file's")
	f.StringVar(&listen, "addr", "", "HOST:PORT to listen on, in place of the file's")
	f.BoolVar(&node, "node", false, "also run the domain's approved training jobs")
	f.BoolVar(&unwitnessed, "unwitnessed", false, "take approvals also before the witnesses and the copy outside were met, and go on without those whom a new policy retires: you say that no newer log exists")
	f.BoolVar(&printConfig, "print-config", false, "print the defaults with their explanation")
	f.BoolVar(&printAlerts, "print-alerts", false, "print rules of Prometheus for the metrics of the internal listener")
	f.BoolVar(&printUnit, "print-unit", false, "print a unit of systemd that serves as this line would")
	return c
}

func serve(ctx context.Context, conf *config, unwitnessed bool, log io.Writer) error {
	stopped := func() {}
	defer func() { stopped() }() // the last of all
	d, err := (&domain{dir: conf.Domain, vouched: unwitnessed}).open(ctx, writing)
	if err != nil {
		return err
	}
	defer d.Close()
	d.maxRuns, d.maxInFlight, d.settings, d.coordinator = conf.MaxRuns, conf.MaxInFlight, conf.Engine, conf.Coordinator
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
	d.pending.Store(d.waiting != nil)
	warnOfOpen(log, d.dir, conf.TLS.Key)
	fmt.Fprintln(log, d.engineLine())
	if d.waiting != nil {
		fmt.Fprintf(log, "policy.yaml waits: %v\n", d.waiting)
	}
	if differs := d.differs(); differs != "" {
		fmt.Fprintln(log, differs)
	}
	watched, cancel := context.WithCancel(ctx)
	var watching sync.WaitGroup
	watching.Go(func() { d.watch(watched, log) })
	watching.Go(func() { d.meet(watched, log) })
	defer watching.Wait()
	defer cancel() // also where a listener has failed
	fmt.Fprintf(log, "serving %s on %s\n", conf.Domain, s.url)
	if s.inside != "" {
		fmt.Fprintf(log, "inside on %s\n", s.inside)
	}
	managed, err := underManager(ctx, func() { d.ledger.Size() })
	if err != nil {
		return errors.Join(err, s.stop())
	}
	stopped = managed
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
	url, inside string       // inside is "" where there is no listener of the domain's own
	stop        func() error // ends it and says what went wrong
	done        <-chan struct{}
}

func startServer(ctx context.Context, d *domain, conf *config, log *slog.Logger) (*server, error) {
	tokens, err := d.tokens()
	if err != nil {
		return nil, err
	}
	o := api.Options{
		Register: d.runner, About: api.About(conf.Register), Published: servedLog{d},
		Runner: d.runner, Catalog: d.catalog, Policy: &d.inForce, Tokens: tokens, Approvals: d, Ready: d.ledger.Away, Vitals: d.vitals,
		Rate: api.Rate(conf.Rate), Encoders: encoders, Keys: d.clientKeys, Version: version, Log: log, Detail: d.engineLine(), Console: d.console,
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
	if listeners.Internal != nil {
		s.inside = "http://" + listeners.Internal.Addr().String()
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
