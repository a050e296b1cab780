package main

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

func approveCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "approve", Short: "Approve, as one of two people, what may be asked and used",
		Long: `In a supervised domain policies, templates, snapshots, resumptions, deletions, keys,
training jobs, lists of opt-outs and looks at noise need the approvals of two people,
neither of whom asked for them. An approval is a statement signed with the approver's own key. It binds one digest, expires, and can
be taken back; what rests on it then stops.`,
		Example: "  qunxiang approve keygen --out ada.key\n  qunxiang approve list --server https://domain.example --token ...\n" +
			"  qunxiang approve sign grant --person Ada --approver-key ada.key --server https://domain.example --token ...",
	}
	c.AddCommand(approveKeygenCommand(), approveListCommand(), approveShowCommand(), approveSignCommand(false), approveSignCommand(true))
	return c
}

func approveKeygenCommand() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use: "keygen", Short: "Make an approver's key and print its public half", Args: cobra.NoArgs,
		Long:    "Make an Ed25519 key. The file holds its 32 secret bytes and is its owner's alone; what\nis printed belongs into the policy, under approvers.",
		Example: "  qunxiang approve keygen --out ada.key",
		RunE: func(c *cobra.Command, _ []string) error {
			seed := make([]byte, ed25519.SeedSize)
			rand.Read(seed)
			f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return err
			}
			_, err = f.Write(seed)
			if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), publicText(ed25519.NewKeyFromSeed(seed)))
			return err
		},
	}
	c.Flags().StringVar(&out, "out", "", "file for the key; it must not be there yet")
	_ = c.MarkFlagRequired("out")
	return c
}

func publicText(key ed25519.PrivateKey) string {
	return base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey))
}

// approvals is where proposals are read and statements are sent: a domain or a server.
type approvals interface {
	Proposals(ctx context.Context) (api.ProposalList, error)
	Approve(ctx context.Context, a ledger.Approve) (int64, error)
	// Published is the log as it is published.
	Published(ctx context.Context) fs.FS
	Close() error
}

func (w *where) approvals(ctx context.Context, m mode) (approvals, error) {
	switch {
	case (w.domain == "") == (w.server == ""):
		return nil, &exitError{exitUsage, fmt.Errorf("give either --domain and --as, or --server with --token or --cert")}
	case w.server != "":
		o, err := w.client()
		if err != nil {
			return nil, &exitError{exitUsage, err}
		}
		client, err := api.NewClient(o)
		return remoteApprovals{client}, err
	}
	if w.as == "" {
		return nil, &exitError{exitUsage, fmt.Errorf("--domain needs --as, the principal who acts")}
	}
	d, err := openDomain(ctx, w.domain, m)
	return localApprovals{d, w.as}, err
}

type remoteApprovals struct{ *api.Client }

func (r remoteApprovals) Close() error { return nil }

func (r remoteApprovals) Published(ctx context.Context) fs.FS { return &publishedLog{ctx, r.Client} }

type localApprovals struct {
	*domain
	as string
}

func (l localApprovals) Published(context.Context) fs.FS { return os.DirFS(l.path("ledger")) }

func (l localApprovals) Proposals(context.Context) (api.ProposalList, error) {
	return l.domain.Proposals(l.as)
}

func (l localApprovals) Approve(ctx context.Context, a ledger.Approve) (int64, error) {
	leaf, err := l.domain.Approve(ctx, l.as, a)
	if err != nil {
		return leaf, err
	}
	if _, err := l.enforcePolicy(ctx); err != nil {
		return leaf, err
	}
	return leaf, l.settle(ctx, os.Stderr)
}

func approveListCommand() *cobra.Command {
	var w where
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "List what waits for approvals, and what rests on them", Args: cobra.NoArgs,
		Example: "  qunxiang approve list --domain D --as steward-s",
		RunE: func(c *cobra.Command, _ []string) error {
			a, err := w.approvals(c.Context(), reading)
			if err != nil {
				return withCode(err)
			}
			defer a.Close()
			list, err := a.Proposals(c.Context())
			if err != nil {
				return withCode(err)
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), list)
			}
			for _, note := range list.Notes {
				fmt.Fprintln(c.ErrOrStderr(), "note:", note)
			}
			return printProposals(c.OutOrStdout(), list.Proposals)
		},
	}
	w.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func printProposals(out io.Writer, list []api.Proposal) error {
	w := tabwriter.NewWriter(out, 2, 4, 2, ' ', 0)
	fmt.Fprintln(w, "WHAT\tNAME\tDIGEST\tASKED FOR BY\tAPPROVED BY\tSTATE")
	for _, p := range list {
		row(w, p.Subject, p.Name+inPlaceOf(p, list), fmt.Sprintf("%.20s", p.Digest), dash(p.By), approvedBy(p), state(p))
	}
	return w.Flush()
}

func dash(list []string) string {
	if len(list) == 0 {
		return "-"
	}
	return strings.Join(list, ", ")
}

// confirmed asks on a terminal, or wants --yes.
func confirmed(in io.Reader, out io.Writer, yes bool, question string) error {
	if yes {
		return nil
	}
	fmt.Fprintf(out, "%s Type yes: ", question)
	line, _ := bufio.NewReader(in).ReadString('\n')
	if strings.TrimSpace(line) != "yes" {
		return &exitError{exitRefused, errors.New("not confirmed; nothing was signed")}
	}
	return nil
}
