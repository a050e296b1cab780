package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/queries"
)

func registerCommand() *cobra.Command {
	var dir, server, authority string
	var page int
	var asJSON bool
	c := &cobra.Command{
		Use: "register", Short: "Show the public register: who asked what, and at what privacy cost", Args: cobra.NoArgs,
		Long: `Show what everybody may know of what was asked: by which organisation, what, for
which purpose, on which day, and what it took of the privacy budgets. Parameters,
which may be trade secrets, are not in it. A server shows the same to everybody at
/register, without a login.`,
		Example: "  qunxiang register --domain D\n  qunxiang register --server https://domain.example --page 2",
		RunE: func(c *cobra.Command, _ []string) error {
			if (dir == "") == (server == "") || page < 1 {
				return &exitError{exitUsage, fmt.Errorf("give either --domain or --server, and a --page from 1")}
			}
			p, err := readRegister(c.Context(), dir, where{server: server, authority: authority}, page)
			if err != nil {
				return withCode(err)
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), p)
			}
			return printRegister(c.OutOrStdout(), p)
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "domain", "", "directory of the domain")
	f.StringVar(&server, "server", "", "URL of a server, in place of --domain")
	f.StringVar(&authority, "ca", "", "PEM file with the authorities that vouch for the server (default: this machine's)")
	f.IntVar(&page, "page", 1, "which page of 100 entries; 1 is the newest")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func readRegister(ctx context.Context, dir string, w where, page int) (*api.RegisterPage, error) {
	if dir != "" {
		d, err := openDomain(ctx, dir, reading)
		if err != nil {
			return nil, err
		}
		defer d.Close()
		return api.PageOf(d.runner.Register(), api.About{}, page), nil
	}
	o := api.ClientOptions{Server: w.server, Public: true}
	if w.authority != "" {
		var err error
		if o.Authorities, err = w.authorities(); err != nil {
			return nil, &exitError{exitUsage, err}
		}
	}
	client, err := api.NewClient(o)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	return client.Register(ctx, page)
}

func printRegister(w io.Writer, p *api.RegisterPage) error {
	fmt.Fprintf(w, "Register of %s", printable(p.Population))
	if p.Evaluation {
		fmt.Fprint(w, " (a trial domain: no approvals were needed)")
	}
	fmt.Fprintf(w, "\nAll answers together move the odds of anything said about a person by at most a\nfactor of %.3g (epsilon %g), but for a chance of %g; so far by at most %.3g.\n\n", p.Privacy.Factor, p.Privacy.Epsilon, p.Privacy.Delta, p.Privacy.SoFar)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "Day\tWho\tWhat\tFor\tCost, of the budget\tOutcome")
	for _, e := range p.Entries {
		what := e.Title.EN
		if e.Training {
			what += fmt.Sprintf(" (training, %d rounds)", e.Rounds)
		}
		row(t, e.Day, e.Organisation, what, e.Purpose, costsOf(e.Costs), string(e.State))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "page %d of %d\n\n", p.Page, p.Pages)
	fmt.Fprintln(t, "Budget\tUsed\tLeft")
	for _, s := range p.Scopes {
		row(t, s.Scope, fmt.Sprintf("%.2f %%", 100*s.Spent/s.Cap), fmt.Sprintf("%.2f %%", 100*s.Left/s.Cap))
	}
	fmt.Fprintln(t, "\nWho\tBudget\tCharged requests\tPart of the budget")
	for _, u := range p.Organisations {
		row(t, u.Organisation, u.Scope, fmt.Sprint(u.Requests), fmt.Sprintf("%.2f %%", 100*u.Share))
	}
	if len(p.Repeats) > 0 {
		fmt.Fprintln(t, "\nWho\tAnswered from store, at no cost\tTimes")
	}
	for _, r := range p.Repeats {
		row(t, r.Organisation, r.Title.EN, fmt.Sprint(r.Requests))
	}
	return t.Flush()
}

// costsOf is what an entry took of each budget.
func costsOf(costs []queries.RegisterShare) string {
	var out []string
	for _, c := range costs {
		out = append(out, fmt.Sprintf("%s %.2f %%", c.Scope, 100*c.Share))
	}
	return strings.Join(out, ", ")
}
