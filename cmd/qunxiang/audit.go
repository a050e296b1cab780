package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/policy/audit"
)

func auditCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "audit", Short: "Check the log of what was released",
		Example: "  qunxiang audit verify --domain D",
	}
	c.AddCommand(auditVerifyCommand(), auditNoiseCommand(), auditReceiptCommand())
	return c
}

func auditVerifyCommand() *cobra.Command {
	var dir, log, key, sm2, since, releases, jobs string
	var witnesses []string
	var quorum int
	var asJSON bool
	c := &cobra.Command{
		Use: "verify", Short: "Verify a log offline, without trusting the server", Args: cobra.NoArgs,
		Long: `Verify a log offline: rebuild its Merkle tree, check the signed checkpoint, add
up every budget at every leaf, and hold every release against its one earlier
charge and its file. With --log and --key it needs nothing but copies of the
ledger directory, the releases and the public key you were given.

Exit codes: 0 nothing found, 5 findings, 1 the log could not be examined.`,
		Example: "  qunxiang audit verify --domain D\n  qunxiang audit verify --log copy/ledger --releases copy/releases --key log.pub --since last-year.checkpoint",
		RunE: func(c *cobra.Command, _ []string) error {
			if dir != "" {
				log, releases, jobs = filepath.Join(dir, "ledger"), filepath.Join(dir, "releases"), nodeFolderOf(dir).path("jobs")
				if key == "" {
					key = filepath.Join(dir, logKeyFile)
				}
				if second := filepath.Join(dir, secondKeyFile); sm2 == "" && exists(second) {
					sm2 = second
				}
			}
			if log == "" || key == "" {
				return &exitError{exitUsage, fmt.Errorf("give --domain, or --log and --key")}
			}
			report, err := verify(c, log, key, since, releases, jobs, sm2, witnesses, quorum)
			if err != nil {
				return err
			}
			if asJSON {
				err = printJSON(c.OutOrStdout(), report)
			} else {
				printReport(c.OutOrStdout(), report)
			}
			if err == nil && !report.OK() {
				return &exitError{exitInvalid, nil}
			}
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "domain", "", "directory of a domain")
	f.StringVar(&log, "log", "", "directory of a log, in place of --domain")
	f.StringVar(&key, "key", "", "file with the public key that checks checkpoints")
	f.StringVar(&sm2, "sm2-key", "", "file with the public key of the checkpoint's SM2 signature, which covers the SM3 chain")
	f.StringArrayVar(&witnesses, "witness", nil, "verifier key of a witness whose cosignature you ask for, repeated (default: those of the log's policy)")
	f.IntVar(&quorum, "quorum", 1, "how many of them must have cosigned")
	f.StringVar(&releases, "releases", "", "directory of released files")
	f.StringVar(&jobs, "jobs", "", "directory of a node's jobs, whose decrypted sums the log names too (with --domain: its own)")
	f.StringVar(&since, "since", "", "file with an older checkpoint that you kept: history must still begin with it")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func verify(c *cobra.Command, log, key, since, releases, jobs, sm2 string, witnesses []string, quorum int) (*audit.Report, error) {
	pinned, err := os.ReadFile(key)
	if err != nil {
		return nil, err
	}
	o := audit.Options{Log: os.DirFS(log), Key: strings.TrimSpace(string(pinned)), Witnesses: witnesses, Quorum: quorum}
	if sm2 != "" {
		pinned, err := os.ReadFile(sm2)
		if err != nil {
			return nil, err
		}
		o.SM2 = string(pinned)
	}
	if releases != "" {
		o.Releases = newReleasedFiles(releases, jobs)
	}
	if since != "" {
		if o.Since, err = os.ReadFile(since); err != nil {
			return nil, err
		}
	}
	return audit.Verify(c.Context(), o)
}

func printReport(w io.Writer, r *audit.Report) {
	fmt.Fprintf(w, "log of %s (%s): %d leaves, %d under the checkpoint, root %s\n", r.Population, r.Mode, r.Leaves, r.Signed, r.Root)
	fmt.Fprintf(w, "%d charges: %d released, %d abandoned, %d open; %d free repeats; %d refusals\n", r.Charges, r.Releases, r.Abandoned, r.Open, r.Replays, r.Denied)
	if len(r.Witnesses) > 0 {
		fmt.Fprintf(w, "cosigned by %s\n", strings.Join(r.Witnesses, ", "))
	}
	for _, s := range r.Scopes {
		share := 0.0
		if s.Cap.Rho > 0 {
			share = 100 * float64(s.Spent.Rho) / float64(s.Cap.Rho)
		}
		fmt.Fprintf(w, "  %s: rho %.6g of %.6g (%.2f %%)\n", shortScope(s.Name), float64(s.Spent.Rho)/1e12, float64(s.Cap.Rho)/1e12, share)
		if s.Held.Rho > 0 {
			fmt.Fprintf(w, "    and rho %.6g set aside for training jobs that go on\n", s.Held.RhoFloat())
		}
	}
	for _, u := range r.Uses {
		fmt.Fprintf(w, "  %s for %s: %d charged, rho %.6g; %d from store\n", u.Organisation, u.Purpose, u.Charges, u.Cost.RhoFloat(), u.Replays)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "  note: %s: %s\n", n.Code, n.Text)
	}
	if r.OK() {
		fmt.Fprintln(w, "(Keep the checkpoint and give it as --since next time: only then would a log that was put back be seen.)")
		fmt.Fprintln(w, "OK: every release has its one earlier charge, no cap was passed, and the log is whole")
		return
	}
	for _, f := range r.Findings {
		at := "log"
		if f.Leaf >= 0 {
			at = fmt.Sprintf("leaf %d", f.Leaf)
		}
		fmt.Fprintf(w, "  %s: %s: %s\n", at, f.Code, f.Text)
	}
	fmt.Fprintf(w, "NOT OK: %d findings\n", int64(len(r.Findings))+r.More)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
