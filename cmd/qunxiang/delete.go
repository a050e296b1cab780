package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

func deleteCommand() *cobra.Command {
	var dir, as string
	c := &cobra.Command{
		Use: "delete WHAT", Short: "Delete a released file or an old snapshot, which the log remembers", Args: cobra.ExactArgs(1),
		Long: `Delete the file of a release, given by its request id, or the data of a snapshot, given
by its name. In a supervised domain two people approve it first (approve sign delete).
The log says that it was deleted, and then it is removed from the disk; the log itself
never is, and what was spent stays spent.

A released file is kept for as long as the policy says, at least 183 days after its slot;
who wants it deleted before is refused, and stands in the log with that.
The newest snapshot is the one that is asked: load another first.`,
		Example: "  qunxiang delete 5f1c0b --domain D --as steward-s",
		RunE: func(c *cobra.Command, args []string) error {
			return withCode(runDelete(c.Context(), c.OutOrStdout(), dir, as, args[0]))
		},
	}
	domainFlags(c, &dir, &as)
	return c
}

func runDelete(ctx context.Context, out io.Writer, dir, as, what string) error {
	return proposeOrLeave(ctx, out, dir, "the deletion", func(d *domain) (k keptProposal, err error) {
		if err := d.policy().May(as, policy.DeleteOld); err != nil {
			return k, err
		}
		leaf, err := d.leafOf(what)
		if err != nil {
			return k, err
		}
		k = keptProposal{Delete: &ledger.Delete{Leaf: leaf, By: as}}
		err = d.state.Removable(leaf, time.Now())
		if errors.Is(err, ledger.ErrRetention) {
			err = errors.Join(err, d.logTooEarly(ctx, k))
		}
		return k, err
	})
}

// logTooEarly puts into the log that somebody wanted to delete what is to be kept: by the
// server, where one has the domain.
func (d *domain) logTooEarly(ctx context.Context, k keptProposal) error {
	if d.ledger == nil {
		return d.leave(k)
	}
	_, err := d.ledger.Deny(ctx, ledger.Deny{Principal: k.Delete.By, Organisation: d.policy().Organisation(k.Delete.By), Rule: "retention"})
	return err
}

// leafOf is the leaf of what may be deleted.
func (d *domain) leafOf(what string) (int64, error) {
	if leaf, some := d.state.SnapshotLeaf(what); some {
		if all := d.state.Snapshots(); len(all) > 0 && all[len(all)-1] == what {
			return -1, &exitError{exitRefused, fmt.Errorf("snapshot %s is the one that is asked: load another first", what)}
		}
		return leaf, nil
	}
	all := d.state.Requests()
	i := slices.IndexFunc(all, func(r ledger.Request) bool { return r.ID == what && r.Release >= 0 })
	if i < 0 {
		return -1, &exitError{exitUsage, fmt.Errorf("%s is no release and no snapshot of this domain", what)}
	}
	return all[i].Release, nil
}

// sweep removes from the disk what the log says was deleted, also where a crash came
// between. What no checkpoint covers yet waits for the next deletion or start.
func (d *domain) sweep() error {
	if !d.state.DeletionsCovered() {
		return nil
	}
	for _, r := range d.state.Requests() {
		if r.Deleted {
			path, err := releaseStore{d.path("releases")}.path(r.Digest)
			if err != nil {
				return err
			}
			if err := removeIfThere(path); err != nil {
				return err
			}
		}
	}
	for _, id := range d.state.DeletedSnapshots() {
		if err := os.RemoveAll(d.path("snapshots", id)); err != nil {
			return err
		}
	}
	return nil
}
