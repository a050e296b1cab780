package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/qunxiang/qunxiang/queries"
)

// request collects the flags of a question.
type request struct {
	queries.Request
	params   []string
	only     []string
	accuracy []string
}

func (r *request) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&r.Template, "template", "", "template: id, id@version or catalogue id such as I3")
	f.StringArrayVar(&r.params, "param", nil, "name=value, repeated; lists by comma, windows as 2017-01-01..2017-12-31, money in yuan")
	f.StringArrayVar(&r.only, "only", nil, "key=value, repeated; several by comma: the groups to print of the table, which is the same")
	f.BoolVar(&r.Coarse, "coarse", false, "the coarse variant, for small populations")
	f.StringArrayVar(&r.accuracy, "accuracy", nil, "wanted 95 % half-width, [MEASURE=]ERROR, repeated; ERROR as 50, money in yuan, or as \"5% at 1000\"")
	f.Float64Var(&r.Cost, "cost", 0, "cost as rho, in place of --accuracy")
	f.StringVar(&r.Purpose, "purpose", "", "declared use (default: the first one of the grant where the template allows it, or the only one that fits)")
	f.Int64Var(&r.PublicPeople, "public-people", 0, "public size of the population, where the policy declares none")
	f.BoolVar(&r.AllowEmpty, "allow-empty", false, "buy a table that is predicted to be mostly suppressed")
}

// read completes the request from its flags. A cost that was given as 0 is
// refused later, like any other that is not above 0.
func (r *request) read(c *cobra.Command) error {
	if r.Template == "" {
		return &exitError{exitUsage, fmt.Errorf("--template is required")}
	}
	var err error
	if r.Parameters, err = pairs("param", r.params); err != nil {
		return err
	}
	if r.Only, err = pairs("only", r.only); err != nil {
		return err
	}
	if c.Flags().Changed("cost") && !(r.Cost > 0) {
		return withCode(fmt.Errorf("%w: the cost must be above 0", queries.ErrAccuracy))
	}
	if c.Flags().Changed("max-rho") && !(r.MaxRho > 0) {
		return withCode(fmt.Errorf("%w: max-rho must be above 0", queries.ErrAccuracy))
	}
	r.Accuracy = r.accuracy
	return nil
}

// pairs reads a flag that is repeated as name=value.
func pairs(flag string, texts []string) (map[string]string, error) {
	out := map[string]string{}
	for _, p := range texts {
		name, value, ok := strings.Cut(p, "=")
		if !ok || name == "" {
			return nil, &exitError{exitUsage, fmt.Errorf("--%s %q is not name=value", flag, p)}
		}
		if _, twice := out[name]; twice {
			return nil, &exitError{exitUsage, fmt.Errorf("--%s %s is given twice", flag, name)}
		}
		out[name] = value
	}
	return out, nil
}

func queryCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "query", Short: "Price, ask and fetch answers",
		Example: "  qunxiang query estimate --domain D --as insurer-a --template I3 --coarse --param window=2017-01-01..2017-12-31 --accuracy \"5% at 1000\"",
	}
	c.AddCommand(estimateCommand(), runCommand(), fetchCommand())
	return c
}

func estimateCommand() *cobra.Command {
	var w where
	var r request
	var asJSON bool
	c := &cobra.Command{
		Use: "estimate", Short: "Show the cost and the expected error before spending; touches no data", Args: cobra.NoArgs,
		Example: "  qunxiang query estimate --domain D --as insurer-a --template I3 --coarse --param window=2017-01-01..2017-12-31 --cost 0.1",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := r.read(c); err != nil {
				return err
			}
			a, err := w.open(c.Context(), true)
			if err != nil {
				return withCode(err)
			}
			defer a.Close()
			e, err := a.Estimate(c.Context(), r.Request)
			if err != nil {
				return withCode(err)
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), e)
			}
			printEstimate(c.OutOrStdout(), e)
			return nil
		},
	}
	w.flags(c)
	r.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func runCommand() *cobra.Command {
	var w where
	var r request
	var asJSON bool
	var idempotency, out, format string
	c := &cobra.Command{
		Use: "run", Short: "Ask: charge the budget, wait for the answer and print it", Args: cobra.NoArgs,
		Long:    "Ask: charge the budget, wait for the answer and print it. A question that was\nanswered before, at least as accurately, is free and gives the same release.",
		Example: "  qunxiang query run --domain D --as pharma-b --template P1 --coarse --param codes=hypertension --param window=2017-01-01..2017-12-31 --cost 0.1 --json",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := r.read(c); err != nil {
				return err
			}
			if len(r.Only) > 0 && !asJSON && format != "text" && format != "json" {
				return &exitError{exitUsage, fmt.Errorf("--only picks groups of a printed answer; a %s file holds the whole table", format)}
			}
			a, err := w.open(c.Context(), false)
			if err != nil {
				return withCode(err)
			}
			defer a.Close()
			t, err := a.Ask(c.Context(), r.Request, idempotency)
			if err != nil {
				return withCode(err)
			}
			if t, err = waitShown(c.Context(), a, t, c.ErrOrStderr()); err != nil {
				return withCode(err)
			}
			if t.State != queries.Released {
				return withCode(fmt.Errorf("%s: %w", t.ID, queries.ErrAbandoned))
			}
			body, err := a.Answer(c.Context(), t.Release, pick(asJSON, format))
			if err != nil {
				return withCode(err)
			}
			return show(c, body, t.Charged, r.Only, asJSON, format, out)
		},
	}
	w.flags(c)
	r.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print the release as JSON")
	formatFlags(c, &format, &out)
	c.Flags().Float64Var(&r.MaxRho, "max-rho", 0, "the price that was agreed to, as rho: nothing is charged where it costs more (default: no limit)")
	c.Flags().StringVar(&idempotency, "idempotency-key", "", "makes a retry of the same request give the same release")
	return c
}

func fetchCommand() *cobra.Command {
	var w where
	var asJSON, receipt bool
	var out, format string
	c := &cobra.Command{
		Use: "fetch ID", Short: "Fetch a release or its receipt again", Args: cobra.ExactArgs(1),
		Example: "  qunxiang query fetch q-0123456789abcdef0123456789abcdef --server http://127.0.0.1:8443 --token T --format parquet --out severity.parquet",
		RunE: func(c *cobra.Command, args []string) error {
			a, err := w.open(c.Context(), !receipt) // a receipt is signed by the one who holds the log
			if err != nil {
				return withCode(err)
			}
			defer func() { a.Close() }()
			if receipt {
				body, err := a.Receipt(c.Context(), args[0])
				if err != nil {
					return withCode(err)
				}
				return write(c.OutOrStdout(), out, body)
			}
			body, err := a.Answer(c.Context(), args[0], pick(asJSON, format))
			if errors.Is(err, queries.ErrUnlogged) { // it takes the log
				_ = a.Close()
				if a, err = w.open(c.Context(), false); err != nil {
					return withCode(err)
				}
				body, err = a.Answer(c.Context(), args[0], pick(asJSON, format))
			}
			if err != nil {
				return withCode(err)
			}
			return show(c, body, true, nil, asJSON, format, out)
		},
	}
	w.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print the release as JSON, byte for byte as it was released")
	c.Flags().BoolVar(&receipt, "receipt", false, "fetch the signed receipt instead")
	formatFlags(c, &format, &out)
	return c
}

func formatFlags(c *cobra.Command, format, out *string) {
	c.Flags().StringVar(format, "format", "text", "text, json, csv, arrow, parquet or xlsx")
	c.Flags().StringVar(out, "out", "", "write to this file instead of standard output")
}

func pick(asJSON bool, format string) string {
	if asJSON || format == "text" {
		return "json"
	}
	return format
}

// waitShown waits for the slot and counts down on a terminal. It shows nothing
// but the due time: how far a run is, is data.
func waitShown(ctx context.Context, a asker, t queries.Ticket, w io.Writer) (queries.Ticket, error) {
	if t.State != queries.Running {
		return t, nil
	}
	charged := t.Charged
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		stop := make(chan struct{})
		defer close(stop)
		go countDown(w, t.Due, stop)
	}
	id := t.ID
	t, err := a.Wait(ctx, id)
	if errors.Is(err, context.Canceled) { // what was charged is delivered
		err = fmt.Errorf("interrupted; qunxiang query fetch %s shows the answer when it is due: %w", id, err)
	}
	t.Charged = charged
	return t, err
}

func countDown(w io.Writer, due time.Time, stop <-chan struct{}) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			fmt.Fprint(w, "\r\x1b[K")
			return
		case <-tick.C:
			fmt.Fprintf(w, "\r\x1b[Kthe answer is due in %.0f s", max(0, time.Until(due).Seconds()))
		}
	}
}

// show prints a release. One that cost nothing this time says so in
// privacy.charged; every other byte is the stored release's.
func show(c *cobra.Command, body []byte, charged bool, only map[string]string, asJSON bool, format, out string) error {
	w := c.OutOrStdout()
	if asJSON || format == "json" {
		if len(only) > 0 {
			var r queries.Release
			if err := json.Unmarshal(body, &r); err != nil {
				return err
			}
			r.Privacy.Charged = charged
			r.Select(only)
			var err error
			if body, err = json.Marshal(r); err != nil {
				return err
			}
			return write(w, out, append(body, '\n'))
		}
		if !charged {
			body = []byte(strings.Replace(string(body), `"charged":true`, `"charged":false`, 1))
		}
		return write(w, out, body)
	}
	if format != "text" {
		return write(w, out, body)
	}
	var r queries.Release
	if err := json.Unmarshal(body, &r); err != nil {
		return err
	}
	r.Privacy.Charged = charged
	r.Select(only)
	var b strings.Builder
	printRelease(&b, &r)
	return write(w, out, []byte(b.String()))
}

func write(w io.Writer, path string, body []byte) error {
	if path == "" {
		_, err := w.Write(body)
		return err
	}
	return os.WriteFile(path, body, 0o600)
}
