package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/policy"
)

func grantCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "grant", Short: "Show and change who may ask what",
		Example: "  qunxiang grant list --domain D\n  qunxiang grant add --domain D --as steward-s --id motor-2027 --principal insurer-a --templates claim-severity --purposes commercial-health-insurance --until 2027-12-31",
	}
	c.AddCommand(grantListCommand(), grantAddCommand(), grantRemoveCommand())
	return c
}

func grantListCommand() *cobra.Command {
	var dir string
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "List the grants in force, each back to the owner of the data", Args: cobra.NoArgs,
		Example: "  qunxiang grant list --domain D --json",
		RunE: func(c *cobra.Command, _ []string) error {
			d, err := openDomain(c.Context(), dir, reading)
			if err != nil {
				return withCode(err)
			}
			defer d.Close()
			chains := []policy.Chain{}
			for _, g := range d.policy().Grants {
				chains = append(chains, d.policy().Chain(g))
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), chains)
			}
			return printChains(c.OutOrStdout(), chains)
		},
	}
	domainFlags(c, &dir, nil)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printChains(out io.Writer, chains []policy.Chain) error {
	w := tabwriter.NewWriter(out, 2, 4, 2, ' ', 0)
	fmt.Fprintln(w, "GRANT\tOWNER\tORGANISATION\tAGREEMENT\tPERSON\tPRINCIPAL\tTEMPLATES\tPURPOSES\tUNTIL")
	or := func(s string) string {
		if s == "" {
			return "-"
		}
		return s
	}
	for _, c := range chains {
		templates := strings.Join(c.Templates, ", ")
		if len(c.Templates) > 3 {
			templates = fmt.Sprintf("%s and %d more", strings.Join(c.Templates[:2], ", "), len(c.Templates)-2)
		}
		agreement := or(c.Agreement)
		if c.AgreedUntil != "" {
			agreement += " until " + c.AgreedUntil
		}
		row(w, c.Grant, or(c.Owner), c.Organisation, agreement, or(c.Person), c.Principal, templates, strings.Join(c.Purposes, ", "), c.Until)
	}
	return w.Flush()
}

func grantAddCommand() *cobra.Command {
	var dir, as string
	var g policy.Grant
	c := &cobra.Command{
		Use: "add", Short: "Put a grant into the policy", Args: cobra.NoArgs,
		Long: `Write a grant into policy.yaml. In an evaluation domain it is in force when the next
command writes; in a supervised one when two approvers, neither you nor whom it is
for, have signed the new policy. The file is written anew: its own comments go.`,
		Example: "  qunxiang grant add --domain D --as steward-s --id motor-2027 --principal insurer-a --templates claim-severity --purposes commercial-health-insurance --until 2027-12-31 --quota-rho 0.5",
		RunE: func(c *cobra.Command, _ []string) error {
			return withCode(changePolicy(c.Context(), c.OutOrStdout(), dir, as, func(p *policy.Policy) error {
				p.Grants = append(p.Grants, g)
				return nil
			}))
		},
	}
	domainFlags(c, &dir, &as)
	f := c.Flags()
	f.StringVar(&g.ID, "id", "", "name of the grant")
	f.StringVar(&g.Principal, "principal", "", "who is granted")
	f.StringSliceVar(&g.Templates, "templates", nil, "templates, as id or id@version")
	f.StringSliceVar(&g.Purposes, "purposes", nil, "purposes; the first is meant where a request names none")
	f.StringVar(&g.Until, "until", "", "last day, like 2027-12-31")
	f.Float64Var(&g.QuotaRho, "quota-rho", 0, "most rho charged under it in all (0: only the caps limit it)")
	for _, name := range []string{"id", "principal", "templates", "purposes", "until"} {
		_ = c.MarkFlagRequired(name)
	}
	return c
}

func grantRemoveCommand() *cobra.Command {
	var dir, as string
	c := &cobra.Command{
		Use: "remove GRANT", Short: "Take a grant out of the policy", Args: cobra.ExactArgs(1),
		Long:    "Take a grant out of policy.yaml. In a supervised domain it takes two approvals as any\nchange does; approve revoke grant stops everything at once.",
		Example: "  qunxiang grant remove motor-2027 --domain D --as steward-s",
		RunE: func(c *cobra.Command, args []string) error {
			return withCode(changePolicy(c.Context(), c.OutOrStdout(), dir, as, func(p *policy.Policy) error {
				n := len(p.Grants)
				p.Grants = slices.DeleteFunc(p.Grants, func(g policy.Grant) bool { return g.ID == args[0] })
				if len(p.Grants) == n {
					return &exitError{exitUsage, fmt.Errorf("there is no grant %s", args[0])}
				}
				return nil
			}))
		},
	}
	domainFlags(c, &dir, &as)
	return c
}

// changePolicy writes policy.yaml anew with a change, by somebody who may. It takes no
// lock: who serves the domain sees the file change.
func changePolicy(ctx context.Context, out io.Writer, dir, as string, change func(*policy.Policy) error) error {
	d, err := openDomain(ctx, dir, reading)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.policy().May(as, policy.ChangePolicy); err != nil {
		return err
	}
	p, err := d.loadPolicy() // the proposal, where one waits
	if err != nil {
		return err
	}
	if err := change(p); err != nil {
		return err
	}
	if p.Mode == policy.ModeSupervised {
		p.Supervision.Author = as
	}
	text := p.Format()
	if _, err := policy.Parse("policy.yaml", text); err != nil {
		return &exitError{exitUsage, fmt.Errorf("the policy would not be valid: %w", err)}
	}
	if err := writeDurably(d.path("policy.yaml"), text, 0o600); err != nil {
		return err
	}
	if p.Mode == policy.ModeSupervised {
		waitsForApproval(out, "the new policy")
		return nil
	}
	_, err = fmt.Fprintln(out, "the policy is changed; a server takes it within seconds")
	return err
}
