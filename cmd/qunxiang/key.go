package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/policy/witness"
)

func keyCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "key", Short: "Show and change the keys that sign the log and receipts",
		Long: `A domain signs its log and its receipts with keys of its own, each by Ed25519 and by
SM2 beside it. A key is changed in the open: by a leaf of the log, which in a
supervised domain two people approve.`,
		Example: "  qunxiang key list --domain D\n  qunxiang key rotate --use log --domain D --as steward-s",
	}
	c.AddCommand(keyListCommand(), keyRotateCommand())
	return c
}

// keyStanding is how one of a domain's keys stands.
type keyStanding struct {
	Use    string `json:"use"`
	Public string `json:"public"`
	Here   bool   `json:"here"` // its private half
	Next   string `json:"next"` // that waits, "" for none
	// Approved says that the log has the leaf that puts Next in force.
	Approved bool     `json:"approved"`
	Before   []string `json:"before"`
}

func (d *domain) keyStandings() (all []keyStanding, err error) {
	for _, u := range keyUses {
		s := keyStanding{Use: u.name, Public: u.public(d.keys)}
		if s.Here, err = d.holds(u); err != nil {
			return nil, err
		}
		for suffix, into := range map[string]*string{".pub": &s.Public, "-next.pub": &s.Next} {
			lines, err := publicLines(d.path(u.name + suffix))
			if err != nil {
				return nil, err
			}
			if len(lines) > 0 {
				*into = lines[0]
			}
		}
		if s.Before, err = publicLines(d.path(u.name + "-before.pub")); err != nil {
			return nil, err
		}
		s.Before = append([]string{}, s.Before...)
		s.Approved = s.Next != "" && s.Next == d.state.SigningKey(u.use, u.algorithm)
		all = append(all, s)
	}
	return all, nil
}

func keyListCommand() *cobra.Command {
	var dir string
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "List the keys that sign, those that wait and those before", Args: cobra.NoArgs,
		Example: "  qunxiang key list --domain D",
		RunE: func(c *cobra.Command, _ []string) error {
			d, err := openDomain(c.Context(), dir, reading)
			if err != nil {
				return withCode(err)
			}
			defer d.Close()
			all, err := d.keyStandings()
			if err != nil {
				return err
			}
			if asJSON {
				return printJSON(c.OutOrStdout(), all)
			}
			w := tabwriter.NewWriter(c.OutOrStdout(), 2, 4, 2, ' ', 0)
			fmt.Fprintln(w, "USE\tSTATE\tPUBLIC KEY")
			for _, s := range all {
				state := "signs"
				if !s.Here {
					state = "LOST: key rotate --lost"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\n", s.Use, state, s.Public)
				if s.Next != "" {
					state := "waits"
					if s.Approved {
						state = "signs from the next leaf on"
					}
					fmt.Fprintf(w, "%s\t%s\t%s\n", s.Use, state, s.Next)
				}
				for _, key := range s.Before {
					fmt.Fprintf(w, "%s\tbefore\t%s\n", s.Use, key)
				}
			}
			return w.Flush()
		},
	}
	domainFlags(c, &dir, nil)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// rotating is one run of key rotate.
type rotating struct {
	dir, as, use string
	lost         bool
}

func keyRotateCommand() *cobra.Command {
	r := &rotating{}
	c := &cobra.Command{
		Use: "rotate", Short: "Make a new key and put it forward in place of the one that signs", Args: cobra.NoArgs,
		Long: `Make a new key and propose it: in a supervised domain it signs once two people have
approved it (approve sign key), in an evaluation domain at once. A running server takes
it without a restart. Its public half is printed, and stands in NAME-next.pub until then.

log and log-sm2 sign checkpoints. The old key signs the checkpoint whose last leaf is
the change, and every later one is the new key's; whoever pinned the old one follows by
that checkpoint, which the log keeps. Before two people approve a new log key, every
witness must know it: qunxiang witness add-log with the key that is printed, and the
witness served again; else nothing is charged until they do. Take the old key's line out
of their witness.yaml afterwards. receipt and receipt-sm2 sign receipts; those made before
verify by the old key, which stays in NAME-before.pub with the leaf that ended it.

With --lost, where the key is gone: the log goes on with what was spent. Nothing is
charged until two people have approved the new key. Nobody signs for it with the old
one, so every auditor must compare it with you by another way and pin it; until then
audit verify says key-unpinned.`,
		Example: "  qunxiang key rotate --use log --domain D --as steward-s\n  qunxiang key rotate --use log --lost --domain D --as steward-s",
		RunE: func(c *cobra.Command, _ []string) error {
			return withCode(r.run(c.Context(), c.OutOrStdout(), c.ErrOrStderr()))
		},
	}
	domainFlags(c, &r.dir, &r.as)
	c.Flags().StringVar(&r.use, "use", "", "which: log, log-sm2, receipt or receipt-sm2")
	c.Flags().BoolVar(&r.lost, "lost", false, "the old key was lost and signs nothing more")
	_ = c.MarkFlagRequired("use")
	return c
}

func (r *rotating) run(ctx context.Context, out, log io.Writer) error {
	u, err := keyUseOf(r.use)
	if err != nil {
		return err
	}
	return proposeOrLeave(ctx, log, r.dir, "the new key", func(d *domain) (k keptProposal, err error) {
		if err := d.policy().May(r.as, policy.ChangeKey); err != nil {
			return k, err
		}
		here, err := d.holds(u)
		switch {
		case err != nil:
			return k, err
		case here && r.lost:
			return k, &exitError{exitUsage, fmt.Errorf("the %s key is here: rotate it without --lost, so that it hands over", u.name)}
		case !here && !r.lost:
			return k, &exitError{exitUsage, fmt.Errorf("the %s key is not here: put it back, or if it was lost give --lost", u.name)}
		}
		if err := d.mayRekey(u.use, time.Now()); err != nil {
			return k, err
		}
		public, err := d.newKey(u)
		if err != nil {
			return k, err
		}
		fmt.Fprintln(out, public)
		return keptProposal{Key: &ledger.Key{Use: u.use, Algorithm: u.algorithm, Public: public, Lost: r.lost && u.use == "log", By: r.as}}, nil
	})
}

// newKey makes the key that waits, or gives the one that waits already.
func (d *domain) newKey(u keyUse) (public string, err error) {
	n, err := u.next(d.keys)
	if err != nil {
		return "", err
	}
	if n == nil {
		b := make([]byte, 32)
		rand.Read(b)
		if u.algorithm == "sm2" {
			if b, err = witness.GenerateSM2Key(); err != nil {
				return "", err
			}
		}
		if err := writeDurably(filepath.Join(d.keys.dir, u.name+"-next.key"), b, 0o600); err != nil {
			return "", err
		}
		if n, err = u.next(d.keys); err != nil {
			return "", err
		}
	}
	public = u.public(n)
	return public, writeDurably(d.path(u.name+"-next.pub"), []byte(public+"\n"), 0o644)
}

// proposeOrLeave does what a leaf says, or has it wait for approvals. Where a server has
// the domain, it is left to that: it does within seconds what needs no approvals, or has
// them.
func proposeOrLeave(ctx context.Context, log io.Writer, dir, what string, build func(*domain) (keptProposal, error)) error {
	d, err := openDomain(ctx, dir, writing)
	served := errors.Is(err, ledger.ErrInUse)
	if served {
		d, err = openDomain(ctx, dir, reading)
	}
	if err != nil {
		return err
	}
	defer d.Close()
	k, err := build(d)
	if err != nil {
		return err
	}
	if served {
		err = d.leave(k)
		if err == nil && !d.state.Supervised() {
			fmt.Fprintf(log, "%s is left to the server, which takes it within seconds\n", what)
			return nil
		}
	} else {
		var waits bool
		if waits, err = d.propose(ctx, k); !waits {
			if err == nil {
				fmt.Fprintf(log, "done: %s\n", what)
				err = d.promote()
			}
			return err
		}
	}
	if err == nil {
		waitsForApproval(log, what)
	}
	return err
}
