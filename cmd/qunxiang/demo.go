package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/queries"
)

func demoCommand() *cobra.Command {
	var persons int64
	var once bool
	var addr, file string
	c := &cobra.Command{
		Use: "demo", Short: "A synthetic domain, a server, and a visit by each kind of user", Args: cobra.NoArgs,
		Long: `Make a domain of synthetic people in a temporary directory, serve it on loopback,
and let an insurer, a pharma analyst and a regulator visit it. The server then
stays up until it is interrupted; --once leaves at the end.

While it is up, a credentials file lets the command line and the Python package in as
insurer, pharma or regulator. Nobody else may read it, a file of your own at its place
stays as it is, and it is removed when the demo ends.`,
		Example: "  qunxiang demo --once --persons 50000\n  qunxiang demo federated --once",
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := os.MkdirTemp("", "qunxiang-demo-*")
			if err != nil {
				return err
			}
			defer os.RemoveAll(dir)
			path, err := credentialsPath(file)
			if err != nil {
				return err
			}
			return withCode(demo(c.Context(), c.OutOrStdout(), dir, addr, path, persons, once))
		},
	}
	f := c.Flags()
	f.Int64Var(&persons, "persons", 50_000, "synthetic people")
	f.BoolVar(&once, "once", false, "leave when the visits are over")
	f.StringVar(&addr, "addr", "127.0.0.1:0", "HOST:PORT to listen on, a loopback address")
	f.StringVar(&file, "credentials", "", "credentials file to write (default: "+credentialsDefault+")")
	c.AddCommand(demoFederatedCommand())
	return c
}

// visit is the demo under way.
type visit struct {
	w     io.Writer
	d     *domain
	url   string
	token map[string]string
}

func demo(ctx context.Context, w io.Writer, dir, addr, file string, persons int64, once bool) error {
	conf, err := loadConfig("") // the defaults
	if err != nil {
		return err
	}
	conf.Domain, conf.Listen, conf.Internal, conf.MaxInFlight = dir, addr, "", 16
	if err := conf.check(); err != nil {
		return &exitError{exitUsage, err}
	}
	fmt.Fprintf(w, "A domain of %s synthetic people in %s\n", grouped(float64(persons), 0), dir)
	start := time.Now()
	d, err := synthDomain(ctx, dir, synthOptions{persons: persons, seed: 1}, nil)
	if err != nil {
		return err
	}
	defer d.Close()
	fmt.Fprintf(w, "  made in %.0f s; the authority declares its size, so estimates can warn of empty tables\n", time.Since(start).Seconds())
	if err := d.startEngine(); err != nil {
		return err
	}
	s, err := startServer(ctx, d, conf, nil)
	if err != nil {
		return err
	}
	defer s.stop()
	v := &visit{w: w, d: d, url: s.url, token: map[string]string{}}
	tokens, err := d.tokens()
	if err != nil {
		return err
	}
	for _, who := range []string{"insurer-a", "pharma-b", "regulator-r", "steward-s"} {
		if v.token[who], err = tokens.Add(who, time.Time{}); err != nil {
			return err
		}
	}
	for _, step := range []func(context.Context) error{v.insurer, v.pharma, v.regulator, v.tamper} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if once {
		return nil
	}
	remove, err := v.stay(file)
	if err != nil {
		return err
	}
	defer remove()
	fmt.Fprintf(w, "\nOr look at it in a browser, at %s/console/, with the token of one of them:\n", s.url)
	for _, who := range []string{"insurer-a", "pharma-b", "regulator-r", "steward-s"} {
		fmt.Fprintf(w, "  %-12s %s\n", who, v.token[who])
	}
	<-s.done // it ends with ctx, or fails
	return s.stop()
}

// stay writes the credentials file and says how to ask.
func (v *visit) stay(file string) (remove func(), err error) {
	keys, err := v.d.clientKeys()
	if err != nil {
		return nil, err
	}
	c := credentials{Server: v.url, Default: "insurer", Keys: keys, Identities: map[string]identity{}}
	for name, principal := range map[string]string{"insurer": "insurer-a", "pharma": "pharma-b", "regulator": "regulator-r"} {
		c.Identities[name] = identity{Principal: principal, Token: v.token[principal]}
	}
	at, remove, err := demoCredentials(file, v.d.dir, c)
	if err != nil {
		return nil, err
	}
	v.say("\nThe server stays up at %s (stop it with Ctrl-C).\n", v.url)
	v.say("Credentials of insurer, pharma and regulator, until then: %s\n", at)
	if at != file {
		v.say("  (%s is not a demo's: it stays as it is)\n  export %s=%s\n", file, credentialsVariable, at)
	}
	v.say("Ask it something yourself:\n  qunxiang query estimate --server %s --as insurer \\\n    --template I2 --coarse --param window=2017-01-01..2017-12-31 --cost 0.05\n", v.url)
	v.say("  python -m pip install ./api/python && python api/python/examples/actuary.py\n")
	return remove, nil
}

func (v *visit) say(format string, args ...any) { fmt.Fprintf(v.w, format, args...) }

var severity = queries.Request{
	Template: "I3", Coarse: true, Accuracy: []string{"5% at 1000"},
	Parameters: map[string]string{"window": "2017-01-01..2017-12-31"},
}

// insurer looks at the price of severity, sees that the fine table would be
// empty, takes the coarse one, and has it again for nothing.
func (v *visit) insurer(ctx context.Context) error {
	v.say("\n== An actuary at insurer-a: what does an admission cost, by age and hospital level?\n\n")
	a, err := newRemote(api.ClientOptions{Server: v.url, Token: v.token["insurer-a"]})
	if err != nil {
		return err
	}
	fine := severity
	fine.Coarse = false
	if _, err := a.Estimate(ctx, fine); err != nil {
		v.say("Ten-year bands are refused before anything is spent:\n  %v\n\nThe coarse variant:\n", err)
	}
	coarse := severity
	e, err := a.Estimate(ctx, coarse)
	if errors.Is(err, queries.ErrMostlyEmpty) { // a small domain
		v.say("Refused too, among so few people:\n  %v\n\nShe wants it all the same:\n", err)
		coarse.AllowEmpty = true
		e, err = a.Estimate(ctx, coarse)
	}
	if err != nil {
		return err
	}
	printEstimate(v.w, e)
	v.say("\nShe asks, and the cost is charged before any record is read.\n")
	if err := v.ask(ctx, a, coarse); err != nil {
		return err
	}
	v.say("\nShe asks again: the same release, free.\n")
	t, err := a.Ask(ctx, coarse, "")
	if err != nil {
		return err
	}
	if t.Charged {
		return errors.New("the repeat was charged")
	}
	v.say("  release %s, charged: %v\n", t.Release, t.Charged)
	return nil
}

func (v *visit) pharma(ctx context.Context) error {
	v.say("\n== A pharma analyst at pharma-b: how long do new users stay on metformin?\n\n")
	a, err := newRemote(api.ClientOptions{Server: v.url, Token: v.token["pharma-b"]})
	if err != nil {
		return err
	}
	req := queries.Request{
		Template: "P5", Coarse: true, Accuracy: []string{"persistence=0.04"},
		Parameters: map[string]string{"codes": "metformin", "window": "2016-07-01..2018-12-31", "gap": "60", "washout": "180"},
	}
	e, err := a.Estimate(ctx, req)
	if errors.Is(err, queries.ErrMostlyEmpty) {
		req.AllowEmpty = true
		e, err = a.Estimate(ctx, req)
	}
	if err != nil {
		return err
	}
	printEstimate(v.w, e)
	v.say("\n")
	return v.ask(ctx, a, req)
}

// ask runs a question over HTTP and prints the answer.
func (v *visit) ask(ctx context.Context, a asker, req queries.Request) error {
	t, err := a.Ask(ctx, req, "")
	if err != nil {
		return err
	}
	v.say("  charged; the answer is due at %s\n\n", t.Due.Local().Format("15:04:05"))
	if t, err = a.Wait(ctx, t.ID); err != nil {
		return err
	}
	if t.State != queries.Released {
		return queries.ErrAbandoned
	}
	body, err := a.Answer(ctx, t.Release, "json")
	if err != nil {
		return err
	}
	var r queries.Release
	if err := json.Unmarshal(body, &r); err != nil {
		return err
	}
	printRelease(v.w, &r)
	return nil
}

// regulator checks the log with the public key only.
func (v *visit) regulator(ctx context.Context) error {
	v.say("\n== A regulator: was everything charged, within its cap, and nothing left out?\n\n")
	report, err := v.verify(ctx, v.d.path("ledger"))
	if err != nil {
		return err
	}
	printReport(v.w, report)
	if !report.OK() {
		return errors.New("the verifier found something in an honest log")
	}
	return nil
}

func (v *visit) verify(ctx context.Context, log string) (*audit.Report, error) {
	return audit.Verify(ctx, audit.Options{Log: os.DirFS(log), Key: v.d.logKey(), Releases: os.DirFS(v.d.path("releases"))})
}

// tamper makes one charge cheaper in a copy of the log.
func (v *visit) tamper(ctx context.Context) error {
	v.say("\n== Someone makes a charge look cheaper in a copy of the log\n\n")
	bad := v.d.path("tmp", "tampered")
	defer os.RemoveAll(bad)
	if err := os.CopyFS(bad, os.DirFS(v.d.path("ledger"))); err != nil {
		return err
	}
	wal := filepath.Join(bad, "wal")
	b, err := os.ReadFile(wal)
	if err != nil {
		return err
	}
	cheaper, err := cheapen(b)
	if err != nil {
		return err
	}
	if err := os.WriteFile(wal, cheaper, 0o600); err != nil {
		return err
	}
	report, err := v.verify(ctx, bad)
	if err != nil {
		return err
	}
	printReport(v.w, report)
	if report.OK() {
		return errors.New("the verifier missed the tampering")
	}
	v.say("Caught.\n")
	return nil
}
