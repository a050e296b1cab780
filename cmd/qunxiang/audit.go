package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/policy/witness"
)

func auditCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "audit", Short: "Check the log of what was released",
		Example: "  qunxiang audit verify --domain D\n  qunxiang audit verify --bundle B.tar --policy pinned.policy",
	}
	c.AddCommand(auditVerifyCommand(), auditNoiseCommand(), auditReceiptCommand(), auditBundleCommand(), auditPolicyCommand(), auditReplayCommand(), auditCodesCommand())
	return c
}

// examined says which log is looked at, and what is pinned.
type examined struct {
	dir, bundle         string
	log, releases, jobs string
	policy, key, sm2    string
	since               string
	witnesses           []string
	quorum              int
	without             bool // released files are not asked for
	server              where
}

func (e *examined) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&e.dir, "domain", "", "directory of a domain")
	f.StringVar(&e.bundle, "bundle", "", "a bundle of audit bundle, with --policy")
	f.StringVar(&e.policy, "policy", "", "file with the pinned keys of the log and its witnesses, which you were given by another way")
	f.StringVar(&e.log, "log", "", "directory of a log, in place of --domain")
	f.StringVar(&e.key, "key", "", "file with the public key that checks checkpoints, in place of --policy")
	f.StringVar(&e.sm2, "sm2-key", "", "file with the public key of the checkpoint's SM2 signature, which covers the SM3 chain")
	f.StringVar(&e.releases, "releases", "", "directory of released files")
	f.BoolVar(&e.without, "without-releases", false, "do not ask for released files, and look at none; without it a log with releases and none of their files is a finding")
	f.StringVar(&e.jobs, "jobs", "", "directory of a node's jobs, whose decrypted sums the log names too (with --domain: its own)")
}

// open gives what to examine. Where it comes with a domain, the domain's own word for its
// keys is taken unless there is a policy.
func (e *examined) open(ctx context.Context) (o audit.Options, done io.Closer, err error) {
	done = io.NopCloser(nil)
	usage := func(text string) (audit.Options, io.Closer, error) {
		return o, done, &exitError{exitUsage, errors.New(text)}
	}
	if e.dir != "" {
		e.log, e.releases, e.jobs = filepath.Join(e.dir, "ledger"), filepath.Join(e.dir, "releases"), nodeFolderOf(e.dir).path("jobs")
		if e.key == "" && e.policy == "" {
			e.key = filepath.Join(e.dir, logKeyFile)
		}
		if second := filepath.Join(e.dir, secondKeyFile); e.sm2 == "" && e.policy == "" && exists(second) {
			e.sm2 = second
		}
	}
	places := 0
	for _, place := range []string{e.log, e.bundle, e.server.server} {
		if place != "" {
			places++
		}
	}
	switch {
	case places != 1:
		return usage("give one of --domain, --log, --bundle and --server")
	case e.policy == "" && (e.key == "" || e.log == ""):
		return usage("give --policy, or with --log also --key")
	case e.policy != "" && (e.key != "" || e.sm2 != "" || len(e.witnesses) > 0):
		return usage("--policy says it all: give no other keys beside it")
	}
	if err := e.pinned(&o); err != nil {
		return o, done, err
	}
	switch {
	case e.bundle != "":
		b, err := audit.OpenBundle(e.bundle)
		if err != nil {
			return o, done, err
		}
		o.Log, o.Releases, done = b.Log, b.Releases, b
	case e.server.server != "":
		if o.Log, err = e.server.publishedLog(ctx); err != nil {
			return o, done, err
		}
		o.Entries = true
	default:
		o.Log = os.DirFS(e.log)
	}
	if e.releases != "" {
		o.Releases = newReleasedFiles(e.releases, e.jobs)
	}
	if e.without {
		o.Releases = nil
	}
	o.WithoutReleases = o.Releases == nil && (e.without || e.server.server != "") // a server publishes its log alone
	return o, done, nil
}

// pinned reads the keys and the older checkpoint.
func (e *examined) pinned(o *audit.Options) error {
	for path, into := range map[string]*string{e.key: &o.Key, e.sm2: &o.SM2} {
		if path == "" {
			continue
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		*into = strings.TrimSpace(string(b))
	}
	if e.policy != "" {
		text, err := os.ReadFile(e.policy)
		if err != nil {
			return err
		}
		if o.Trust, err = witness.ParseTrust(text); err != nil {
			return &exitError{exitUsage, fmt.Errorf("%s: %w", e.policy, err)}
		}
	}
	o.Witnesses, o.Quorum = e.witnesses, e.quorum
	if e.since != "" {
		text, err := os.ReadFile(e.since)
		if err != nil {
			return err
		}
		o.Since = text
	}
	return nil
}

func auditVerifyCommand() *cobra.Command {
	var e examined
	var asJSON bool
	var most time.Duration
	c := &cobra.Command{
		Use: "verify", Short: "Verify a log offline, without trusting the server", Args: cobra.NoArgs,
		Long: `Verify a log offline: rebuild its Merkle tree, check the signed checkpoint and who
has cosigned it, add up every budget at every leaf, and hold every release against
its approvals, its one earlier charge and its file. It needs a bundle, which anybody
may hand over, and a policy of pinned keys (C2SP tlog-policy), which you were given
by another way; or it reads the log of a server.

Released files are held against the log: with --domain, and with a bundle that has them.
Where there are none, that is a finding, unless you say --without-releases; a server
publishes its log alone. The last line then says that they were not looked at.

A bundle is as old as its cosignatures, whose times are printed: --max-age holds them
to a limit. With --server that is a day unless you say otherwise.

The last line ends with the codes of what was found; audit codes explains them.
Exit codes: 0 nothing found, 5 findings, 1 the log could not be examined: what was given
is no log or not all of one (the code log-unusable), or could not be read.`,
		Example: "  qunxiang audit verify --bundle B.tar --policy pinned.policy --since last-year.checkpoint\n  qunxiang audit verify --server https://qunxiang.example --token T --policy pinned.policy\n  qunxiang audit verify --domain D",
		RunE: func(c *cobra.Command, _ []string) error {
			o, done, err := e.open(c.Context())
			if err != nil {
				return unusable(c.OutOrStdout(), err, asJSON)
			}
			defer done.Close()
			if o.MaxAge = most; e.server.server != "" && !c.Flags().Changed("max-age") {
				o.MaxAge = 24 * time.Hour
			}
			report, err := audit.Verify(c.Context(), o)
			if err != nil {
				return unusable(c.OutOrStdout(), err, asJSON)
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
	e.flags(c)
	f := c.Flags()
	f.StringVar(&e.server.server, "server", "", "URL of a server, to read its published log")
	f.StringVar(&e.server.token, "token", "", "bearer token, with --server (or the variable QUNXIANG_TOKEN)")
	f.StringVar(&e.server.certificate, "cert", "", "PEM file with a client certificate, with --server")
	f.StringVar(&e.server.key, "cert-key", "", "PEM file with its private key")
	f.StringVar(&e.server.authority, "ca", "", "PEM file with the authorities that vouch for the server")
	f.StringArrayVar(&e.witnesses, "witness", nil, "verifier key of a witness whose cosignature you ask for, repeated (default: those of the log's policy)")
	f.IntVar(&e.quorum, "quorum", 1, "how many of them must have cosigned")
	f.StringVar(&e.since, "since", "", "file with an older checkpoint that you kept: history must still begin with it")
	f.DurationVar(&most, "max-age", 0, "how long ago the checkpoint may have been cosigned, 0 for any time (default 24h with --server, else 0)")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
