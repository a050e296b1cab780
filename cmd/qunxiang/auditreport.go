package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/qunxiang/qunxiang/policy/audit"
)

// unusable says the code of a log that cannot be examined where the others are said, and
// gives the error back.
func unusable(w io.Writer, err error, asJSON bool) error {
	if !errors.Is(err, audit.ErrUnusable) {
		return err
	}
	if asJSON {
		told := printJSON(w, struct {
			Found    []audit.Code    `json:"found"`
			Findings []audit.Finding `json:"findings"`
		}{[]audit.Code{audit.LogUnusable}, []audit.Finding{{Code: audit.LogUnusable, Leaf: -1, Text: err.Error()}}})
		return errors.Join(err, told)
	}
	fmt.Fprintf(w, "NOT OK: the log cannot be examined: %s\n", audit.LogUnusable)
	return err
}

// age is a time and how long ago it was, in words.
func age(at int64) string {
	since, text := time.Since(time.Unix(at, 0)), "just now"
	switch {
	case since >= 48*time.Hour:
		text = fmt.Sprintf("%d days ago", int(since.Hours())/24)
	case since >= 2*time.Hour:
		text = fmt.Sprintf("%d hours ago", int(since.Hours()))
	case since >= 2*time.Minute:
		text = fmt.Sprintf("%d minutes ago", int(since.Minutes()))
	}
	return time.Unix(at, 0).UTC().Format(time.RFC3339) + ", " + text
}

func printReport(w io.Writer, r *audit.Report) {
	fmt.Fprintf(w, "log of %s (%s): %d leaves, %d under the checkpoint, root %s\n", r.Population, r.Mode, r.Leaves, r.Signed, r.Root)
	fmt.Fprintf(w, "%d charges: %d released, %d abandoned, %d open; %d free repeats; %d refusals\n", r.Charges, r.Releases, r.Abandoned, r.Open, r.Replays, r.Denied)
	if len(r.Witnesses) > 0 {
		fmt.Fprintf(w, "cosigned by %s\n", strings.Join(r.Witnesses, ", "))
		fmt.Fprintf(w, "cosigned %s", age(r.OldestCosignature))
		if r.NewestCosignature != r.OldestCosignature {
			fmt.Fprintf(w, ", the newest %s", time.Unix(r.NewestCosignature, 0).UTC().Format(time.RFC3339))
		}
		fmt.Fprintln(w)
	}
	for _, name := range r.Unpinned {
		fmt.Fprintf(w, "  witness %s: NOT PINNED: only the log says whose key this is\n", name)
	}
	printSupervision(w, r.Supervision)
	for _, l := range r.Looks {
		fmt.Fprintf(w, "  leaf %d: the noise of the first %d leaves was looked at, asked for by %s: the domain says %s\n", l.Leaf, l.Leaves, l.By, map[bool]string{true: "as claimed", false: "NOT as claimed"}[l.Passed])
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
	for _, code := range slices.Sorted(maps.Keys(r.Unlisted)) {
		fmt.Fprintf(w, "  %s: %d more that are not listed\n", code, r.Unlisted[code])
	}
	if r.OK() {
		fmt.Fprintln(w, "(Keep the checkpoint and give it as --since next time: only then would a log that was put back be seen.)")
		looked := ""
		if slices.ContainsFunc(r.Notes, func(n audit.Finding) bool { return n.Code == audit.ReleasesAbsent }) {
			looked = "; the released files were not looked at"
		}
		fmt.Fprintf(w, "OK: every release has its one earlier charge, no cap was passed, and the log is whole%s\n", looked)
		return
	}
	for _, f := range r.Findings {
		at := "log"
		if f.Leaf >= 0 {
			at = fmt.Sprintf("leaf %d", f.Leaf)
		}
		fmt.Fprintf(w, "  %s: %s: %s\n", at, f.Code, f.Text)
	}
	fmt.Fprintf(w, "NOT OK: %d findings: %s\n", int64(len(r.Findings))+r.More, strings.Join(r.Found(), " "))
}

// printSupervision says since when people approve, and who they are.
func printSupervision(w io.Writer, s *audit.Supervision) {
	if s == nil {
		return
	}
	fmt.Fprintf(w, "supervised since leaf %d", s.Since)
	if s.Before > 0 {
		fmt.Fprintf(w, "; %d charges were made before that, approved by nobody", s.Before)
	}
	fmt.Fprintln(w)
	for _, a := range s.Approvers {
		who := "pinned"
		if !a.Pinned {
			who = "NOT PINNED: only the log says whose key this is"
		}
		fmt.Fprintf(w, "  approver %s, key %s: %s\n", a.Person, a.Key, who)
	}
	if !s.Approved {
		fmt.Fprintln(w, "  the newest policy has not the approvals of two of them: nothing can be charged under it")
	}
}
