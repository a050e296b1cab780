package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

func auditBundleCommand() *cobra.Command {
	var dir, out string
	var without bool
	c := &cobra.Command{
		Use: "bundle", Short: "Pack what an auditor needs into one file", Args: cobra.NoArgs,
		Long: `Pack the checkpoint, the log and the released files into one tar file for audit
verify --bundle. It may run beside the server. There are no keys in it: whoever
verifies it has them by another way, see audit policy.

The log names organisations and what they asked for: it is for the regulator.`,
		Example: "  qunxiang audit bundle --domain D --out B.tar",
		RunE: func(*cobra.Command, []string) error {
			if _, err := os.Stat(filepath.Join(dir, "ledger", "checkpoint")); err != nil {
				return fmt.Errorf("%s: there is no log here to pack: %w", dir, err)
			}
			var releases audit.Released
			if !without {
				releases = newReleasedFiles(filepath.Join(dir, "releases"), nodeFolderOf(dir).path("jobs"))
			}
			f, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			if err != nil {
				return err
			}
			err = audit.WriteBundle(f, os.DirFS(filepath.Join(dir, "ledger")), releases)
			if err = errors.Join(err, f.Close()); err != nil {
				return errors.Join(err, os.Remove(out))
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&dir, "domain", "", "directory of the domain")
	f.StringVar(&out, "out", "", "file to make, which must not be there yet")
	f.BoolVar(&without, "without-releases", false, "leave the released files out: the log has their digests; verify it with --without-releases")
	_ = c.MarkFlagRequired("domain")
	_ = c.MarkFlagRequired("out")
	return c
}

func auditPolicyCommand() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use: "policy", Short: "Print the keys that an auditor pins", Args: cobra.NoArgs,
		Long: `Print the domain's public keys, and the witnesses of the policy in force with their
quorum, and the people who approve with theirs, as a C2SP tlog-policy file for audit verify and audit receipt. Hand it over by
another way than the log, and have it compared: it is what an auditor believes.

The log's SM2 key is a log line of its own: a checkpoint then needs both signatures.
Keys that a KEY leaf put in force belong into the file beside those before them.`,
		Example: "  qunxiang audit policy --domain D > pinned.policy",
		RunE: func(c *cobra.Command, _ []string) error {
			text, err := pinnedPolicy(dir)
			if err == nil {
				_, err = c.OutOrStdout().Write(text)
			}
			return err
		},
	}
	c.Flags().StringVar(&dir, "domain", "", "directory of the domain")
	_ = c.MarkFlagRequired("domain")
	return c
}

// pinnedPolicy is what a domain's public keys and policy say is to be pinned.
func pinnedPolicy(dir string) ([]byte, error) {
	s, err := readLog(dir)
	if err != nil {
		return nil, err
	}
	return pinnedUnder(dir, s)
}

// pinnedUnder is pinnedPolicy of a log that is read already.
func pinnedUnder(dir string, s *ledger.State) ([]byte, error) {
	var out bytes.Buffer
	for _, u := range keyUses[:2] {
		keys, err := u.publicKeys(dir)
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			fmt.Fprintf(&out, "log %s\n", key)
		}
	}
	g, some := s.InForce()
	if !some || g.Mode != policy.ModeSupervised {
		out.WriteString("quorum none\n")
		return out.Bytes(), nil
	}
	for _, a := range s.Approvers() {
		fmt.Fprintf(&out, "approver %s %s\n", a.Person, a.Key)
	}
	names := ""
	for _, key := range g.Witnesses.Keys {
		name, _, _ := strings.Cut(key, "+")
		fmt.Fprintf(&out, "witness %s %s\n", name, key)
		names += " " + name
	}
	fmt.Fprintf(&out, "group the-quorum %d%s\nquorum the-quorum\n", g.Witnesses.Quorum, names)
	return out.Bytes(), nil
}

// clientKeys are what a client pins to check receipts. It has no use for approvers.
func (d *domain) clientKeys() (*api.Keys, error) {
	text, err := pinnedUnder(d.dir, d.state)
	if err != nil {
		return nil, err
	}
	k := &api.Keys{Population: d.state.Population()}
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "approver ") {
			k.Policy += line
		}
	}
	for i, into := range []*[]string{&k.Receipt, &k.ReceiptSM2} {
		if *into, err = keyUses[2+i].publicKeys(d.dir); err != nil {
			return nil, err
		}
	}
	return k, nil
}

func auditReplayCommand() *cobra.Command {
	var e examined
	var scope string
	var asJSON bool
	c := &cobra.Command{
		Use: "replay", Short: "Print the budget history of a scope", Args: cobra.NoArgs,
		Long: `Print every charge to a scope by the auditor's own fold of the log: when, who, which
template and purpose, what it cost, the total with it, and the cap at the time. The
log is verified besides, as by audit verify.

Exit codes: 0 nothing found, 5 findings, 1 the log could not be examined (log-unusable).`,
		Example: "  qunxiang audit replay --domain D --scope life\n  qunxiang audit replay --bundle B.tar --policy pinned.policy --scope 2017 --json",
		RunE: func(c *cobra.Command, _ []string) error {
			if !scopePattern.MatchString(scope) {
				return &exitError{exitUsage, fmt.Errorf("--scope is life, a year such as 2017, or in full POPULATION/life")}
			}
			o, done, err := e.open(c.Context())
			if err != nil {
				return unusable(c.OutOrStdout(), err, asJSON)
			}
			defer done.Close()
			o.History = scope
			report, err := audit.Verify(c.Context(), o)
			if err != nil {
				return unusable(c.OutOrStdout(), err, asJSON)
			}
			if asJSON {
				err = json.NewEncoder(c.OutOrStdout()).Encode(replayed{report.Scope(scope), report.History, report.Found()})
			} else {
				printHistory(c.OutOrStdout(), report, scope)
			}
			if err == nil && !report.OK() {
				return &exitError{exitInvalid, nil}
			}
			return err
		},
	}
	e.flags(c)
	c.Flags().StringVar(&scope, "scope", "", "the scope: life, a year, or in full POPULATION/life")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	_ = c.MarkFlagRequired("scope")
	return c
}

// scopePattern are the names of scopes, in full or without their population.
var scopePattern = regexp.MustCompile(`^([a-z0-9][a-z0-9._-]*/)?(life|[0-9]{4})$`)

// replayed is what audit replay --json prints.
type replayed struct {
	Scope   audit.Scope   `json:"scope"`
	Charges []audit.Spend `json:"charges"`
	Found   []string      `json:"found"` // codes of findings
}

func printHistory(w io.Writer, r *audit.Report, scope string) {
	for _, s := range r.History {
		fmt.Fprintf(w, "%s leaf %d: %s (%s), %s for %s: rho %.6g, in all %.6g of %.6g\n", time.Unix(s.Time, 0).UTC().Format(time.DateTime),
			s.Leaf, s.Organisation, s.Principal, s.Template, s.Purpose, s.Cost.RhoFloat(), s.Total.RhoFloat(), s.Cap.RhoFloat())
	}
	all := r.Scope(scope)
	if len(r.History) == 0 {
		fmt.Fprintf(w, "%s: nothing was ever charged to it\n", all.Name)
	} else {
		fmt.Fprintf(w, "%s: %d charges, rho %.6g of %.6g, delta %.3g of %.3g\n", all.Name, len(r.History), all.Spent.RhoFloat(), all.Cap.RhoFloat(),
			float64(all.Spent.Delta)/1e21, float64(all.Cap.Delta)/1e21)
	}
	if !r.OK() {
		fmt.Fprintf(w, "NOT OK: %d findings: %s\n", int64(len(r.Findings))+r.More, strings.Join(r.Found(), " "))
	}
}

func auditCodesCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "codes", Short: "Explain the codes of findings", Args: cobra.NoArgs,
		Long:    "Explain the codes of what audit verify finds in a log and, below them, of how a receipt\nfails audit receipt and the client for Python.",
		Example: "  qunxiang audit codes",
		RunE: func(c *cobra.Command, _ []string) error {
			all := audit.Codes()
			for _, r := range queries.ReceiptCodes() {
				all = append(all, audit.Described{Code: audit.Code(r.Code), Text: r.Text})
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), all)
			}
			for _, d := range all {
				fmt.Fprintf(c.OutOrStdout(), "%-22s %s\n", d.Code, d.Text)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}
