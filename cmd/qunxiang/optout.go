package main

import (
	"bufio"
	"database/sql"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/queries/dataset"
)

func optOutCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "optout", Short: "Leave people out of every later answer",
		Example: "  qunxiang data optout add --domain D --id 110101199001011234",
	}
	c.AddCommand(optOutAddCommand(), optOutProposeCommand(), optOutListCommand())
	return c
}

// givenIDs are the identifiers of the command line and of a file.
func givenIDs(ids []string, file string) ([]string, error) {
	if file != "" {
		more, err := readLines(file)
		if err != nil {
			return nil, err
		}
		ids = append(ids, more...)
	}
	if len(ids) == 0 {
		return nil, &exitError{exitUsage, fmt.Errorf("give --id or --file")}
	}
	return ids, nil
}

func optOutProposeCommand() *cobra.Command {
	var dir, as, file string
	var ids []string
	c := &cobra.Command{
		Use: "propose", Short: "Put opt-outs forward, which two other people answer for", Args: cobra.NoArgs,
		Long: `Put a list of opt-outs forward in a supervised domain. Two approvers, neither of them
you, hold it against the requests that people sent in and sign it: give them the same
list, for approve sign optouts --list. With the second signature it is registered, and
acts from the next epoch on. The signatures are kept beside the list, inside the domain;
the log, which others read, says nothing of who opted out, how many or when.`,
		Example: "  qunxiang data optout propose --domain D --as steward-s --file ids.txt",
		RunE: func(c *cobra.Command, _ []string) error {
			ids, err := givenIDs(ids, file)
			if err != nil {
				return err
			}
			d, err := openDomain(c.Context(), dir, reading)
			if err != nil {
				return withCode(err)
			}
			defer d.Close()
			if err := d.mayImportOptOuts(as, true); err != nil {
				return withCode(err)
			}
			l, err := d.proposeOptOuts(as, ids, time.Now())
			if err != nil {
				return withCode(err)
			}
			waitsForApproval(c.OutOrStdout(), fmt.Sprintf("the list of %d people (%s)", l.People, l.digest()[:digestDigits]))
			return nil
		},
	}
	domainFlags(c, &dir, &as)
	c.Flags().StringArrayVar(&ids, "id", nil, "identifier of a person, repeated")
	c.Flags().StringVar(&file, "file", "", "file with one identifier a line")
	return c
}

func optOutAddCommand() *cobra.Command {
	var dir, as, file string
	var ids []string
	c := &cobra.Command{
		Use: "add", Short: "Register opt-outs by source identifier", Args: cobra.NoArgs,
		Long: `Register opt-outs by the identifier the source uses: the certificate number, or
the person number where there is none or it is the one known. Only its keyed
digest is kept. Blanks around it and the case of its letters do not count. How
many of the identifiers lead to somebody in the newest snapshot is printed, for a
mistyped one leads to nobody; all of them stay registered for later snapshots.
Opt-outs act from the next epoch on, which begins at a fixed hour whether or not
anybody opted out; answers given before are not recomputed.

In a supervised domain two other people answer for opt-outs: see data optout propose.`,
		Example: "  qunxiang data optout add --domain D --file ids.txt",
		RunE: func(c *cobra.Command, _ []string) error {
			ids, err := givenIDs(ids, file)
			if err != nil {
				return err
			}
			d, err := openDomain(c.Context(), dir, reading)
			if err != nil {
				return withCode(err)
			}
			defer d.Close()
			if err := d.mayImportOptOuts(as, false); err != nil {
				return withCode(err)
			}
			now := time.Now()
			if err := dataset.AddOptOut(dir, d.keys.person, ids, now); err != nil {
				return withCode(err)
			}
			if err := d.resolveOptOuts(c.Context()); err != nil {
				return withCode(err)
			}
			epoch := dataset.Epoch(now)
			fmt.Fprintf(c.OutOrStdout(), "%d registered in epoch %d; they act from epoch %d on\n", len(ids), epoch, epoch+1)
			return withCode(d.askNewest(c.Context(), func(db *sql.DB) error {
				n, err := dataset.MatchOptOuts(c.Context(), db, d.keys.person, ids)
				if err == nil {
					fmt.Fprintf(c.OutOrStdout(), "%d of %d match somebody in the newest snapshot; this number stays inside the domain\n", n, len(ids))
				}
				return err
			}))
		},
	}
	domainFlags(c, &dir, &as)
	c.Flags().StringArrayVar(&ids, "id", nil, "identifier of a person, repeated")
	c.Flags().StringVar(&file, "file", "", "file with one identifier a line")
	return c
}

func readLines(path string) ([]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var out []string
	for s := bufio.NewScanner(f); ; {
		if !s.Scan() {
			return out, s.Err()
		}
		if line := dataset.NormalIdentifier(s.Text()); line != "" {
			out = append(out, line)
		}
	}
}

func optOutListCommand() *cobra.Command {
	var dir, as string
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "Count opt-outs by day; it stays inside the domain", Args: cobra.NoArgs,
		Example: "  qunxiang data optout list --domain D",
		RunE: func(c *cobra.Command, _ []string) error {
			d, err := openDomain(c.Context(), dir, reading)
			if err != nil {
				return withCode(err)
			}
			defer d.Close()
			if err := d.policy().May(as, policy.ManageOptOuts); err != nil {
				return withCode(err)
			}
			list, err := dataset.ListOptOuts(dir)
			if err != nil {
				return withCode(err)
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), list)
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 2, 4, 2, ' ', 0)
			for _, e := range list {
				fmt.Fprintf(w, "%s\t%d people\n", e.Day, e.People)
			}
			return w.Flush()
		},
	}
	domainFlags(c, &dir, &as)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
