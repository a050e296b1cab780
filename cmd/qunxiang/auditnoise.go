package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/dataset"
)

// noiseAlarm is the false-alarm rate of an audit of the noise.
const noiseAlarm = 1e-6

func auditNoiseCommand() *cobra.Command {
	var dir, as string
	var leaves int64
	var asJSON bool
	c := &cobra.Command{
		Use: "noise", Short: "Test inside the domain that releases carry the noise the log claims", Args: cobra.NoArgs,
		Long: `Compute the exact answer to every release again, inside the domain, and test
that what was released differs from it as the noise that the log claims: an
operator who trimmed, scaled, re-used or left out noise, or drew until it pleased,
is found. It says pass or fail of the whole log, never which release or number,
and nothing else that was computed from data. Of an honest log the verdict is
"pass" but for the false-alarm rate, whatever the data.

What one release can hide is less than what many can: half the noise is seen in
about 350 numbers, four fifths of it in about 2,000, noise trimmed at two deviations
in about 3,000 and clipped there in about 5,000, the best of two draws per number in
about 500, the best of two draws of a whole release in about 300 releases, the same
noise in two of twelve releases.

Each look is on record in the log before it says anything; in a supervised domain
two other people approve it first, for one number of leaves: the command says which,
they sign (approve sign audit), and it is run again with --leaves.

Not tested: quantiles, curves, standard deviations, means without the number of
their rows, what is derived from other numbers, and training jobs.

With fewer than 350 numbers there is no verdict but fail: that nothing was found says
nothing then.

Exit codes: 0 pass, 5 fail, 1 no verdict, or the audit could not be made, 3 refused,
4 the domain is in use.`,
		Example: "  qunxiang audit noise --domain D --as steward-s",
		RunE: func(c *cobra.Command, _ []string) error {
			report, err := auditNoise(c, dir, as, leaves)
			if err != nil {
				return withCode(err)
			}
			if asJSON {
				err = printJSON(c.OutOrStdout(), report)
			} else {
				printNoise(c.OutOrStdout(), report)
			}
			switch {
			case err != nil:
				return err
			case !report.Pass:
				return &exitError{exitInvalid, nil}
			case report.TooFew:
				return &exitError{exitFailed, nil}
			}
			return nil
		},
	}
	domainFlags(c, &dir, &as)
	c.Flags().Int64Var(&leaves, "leaves", 0, "how many leaves of the log to look at, from its beginning (default: all)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// auditNoise asks for leave, looks, and puts on record that it looked before it says
// anything: the verdict is one bit that was computed from data.
func auditNoise(c *cobra.Command, dir, as string, leaves int64) (*queries.NoiseReport, error) {
	d, err := openDomain(c.Context(), dir, writing)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	if leaves == 0 {
		leaves = d.ledger.Size()
	}
	root, err := d.ledger.Root(leaves)
	if err != nil {
		return nil, &exitError{exitUsage, err}
	}
	look := ledger.Audit{Leaves: leaves, Root: hex.EncodeToString(root[:]), By: as}
	if err := d.mayAuditNoise(as, look); err != nil {
		return nil, err
	}
	if err := d.startAudit(); err != nil {
		return nil, err
	}
	var tell func(done, all int)
	if draw := progress(c.ErrOrStderr()); draw != nil {
		tell = func(done, all int) {
			draw(dataset.Progress{Stage: "charges", Done: int64(done), Total: int64(all)})
		}
	}
	report, err := d.runner.AuditNoise(c.Context(), leaves, noiseAlarm, tell)
	if err != nil {
		return nil, err
	}
	if report.Pass && report.TooFew {
		return report, nil // no verdict, which is nothing to log: it may be looked at again
	}
	look.Passed = report.Pass
	if _, err := d.ledger.Audit(c.Context(), look); err != nil {
		return nil, err // without its leaf nothing is said
	}
	return report, d.settle(c.Context(), io.Discard) // it waits no more
}

// mayAuditNoise wants a steward or a regulator to ask, and in a supervised domain the
// approvals of two other people of just this look.
func (d *domain) mayAuditNoise(as string, look ledger.Audit) error {
	if err := d.policy().May(as, policy.LookAtNoise); err != nil {
		return err
	}
	if err := d.state.Approved(ledger.SubjectAudit, look.Root, time.Now(), as); err != nil {
		if _, err := d.propose(context.Background(), keptProposal{Audit: &look}); err != nil {
			return err
		}
		return &exitError{exitRefused, fmt.Errorf("%d leaves of the log (--leaves %d) have the root %s: %w", look.Leaves, look.Leaves, look.Root, err)}
	}
	return nil
}

func printNoise(w io.Writer, r *queries.NoiseReport) {
	fmt.Fprintf(w, "%d releases with %d numbers were tested against the noise that the log claims\n", r.Releases, r.Numbers)
	for _, x := range []struct {
		n    int
		what string
	}{
		{r.Trainings, "not tested: %d sums of training jobs"},
		{r.NoSnapshot, "not tested: %d releases whose snapshot is gone"},
		{r.Deleted, "not tested: %d releases whose files were deleted, as the log says"},
		{r.NoTemplate, "not tested: %d releases whose template or code list is gone"},
		{r.OldBounding, "not tested: %d releases from before exact answers could be had again"},
		{r.Abandoned, "not released: %d charges were abandoned"},
	} {
		if x.n > 0 {
			fmt.Fprintf(w, "  "+x.what+"\n", x.n)
		}
	}
	if r.Unlike > 0 {
		fmt.Fprintf(w, "  %d files cannot be what was charged, as they stand\n", r.Unlike)
	}
	verdict := "PASS: the noise is as claimed"
	switch {
	case !r.Pass:
		verdict = "FAIL: the noise is not as claimed"
	case r.TooFew:
		fmt.Fprintf(w, "NO VERDICT: %d numbers are too few to say anything; half of the noise left out is seen in about %d. Nothing was logged\n", r.Numbers, queries.NoiseNeeds)
		return
	}
	fmt.Fprintf(w, "%s (an honest log fails with at most %g)\n", verdict, r.FalseAlarm)
}
