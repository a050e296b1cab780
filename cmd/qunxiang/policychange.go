package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
	"github.com/qunxiang/qunxiang/queries/templates"
)

// policyLock is held while policy.yaml is read, changed and written. It is not the lock of
// the log: who serves the domain sees the file change.
const policyLock = "policy.lock"

// lockPolicy waits a little for another command that changes the policy.
func lockPolicy(ctx context.Context, d *domain) (io.Closer, error) {
	for end := time.Now().Add(30 * time.Second); ; {
		held, err := ledger.OS{}.Lock(d.path(policyLock))
		if !errors.Is(err, ledger.ErrInUse) || time.Now().After(end) {
			return held, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// changing opens a domain for a change of policy.yaml by somebody who may make one. One
// command at a time does.
func changing(ctx context.Context, dir, as string, f func(*domain) error) (err error) {
	d, err := openDomain(ctx, dir, reading)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := d.policy().May(as, policy.ChangePolicy); err != nil {
		return err
	}
	held, err := lockPolicy(ctx, d)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, held.Close()) }()
	return f(d)
}

// changePolicy writes policy.yaml anew with a change. first is done when the policy is
// known to be valid, before it is written; nil for nothing.
func changePolicy(ctx context.Context, out io.Writer, dir, as string, change func(*policy.Policy) error, first func() error) error {
	return changing(ctx, dir, as, func(d *domain) error {
		p, err := d.changeable(as)
		if err != nil {
			return err
		}
		if err := change(p); err != nil {
			return &exitError{exitUsage, err}
		}
		if p.Mode == policy.ModeSupervised {
			p.Supervision.Author = as
		}
		text := p.Format()
		if _, err := policy.Parse("policy.yaml", text); err != nil {
			return &exitError{exitUsage, fmt.Errorf("the policy would not be valid: %w", err)}
		}
		if first != nil {
			if err := first(); err != nil {
				return err
			}
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
	})
}

// errAnothers refuses to change a policy that another principal has put forward: who
// signs it takes its author for the one who asks for all that is in it.
var errAnothers = errors.New("wait until it is approved, or write the policy in force back with grant discard")

// changeable is policy.yaml where a principal may change it: it is the policy in force, or
// the principal's own proposal.
func (d *domain) changeable(as string) (*policy.Policy, error) {
	wanted, err := d.proposed()
	if err != nil {
		return nil, err
	}
	if wanted.broken != nil {
		return nil, wanted.broken
	}
	g, some := d.state.InForce()
	supervised := wanted.Mode == policy.ModeSupervised || some && g.Mode == policy.ModeSupervised
	author := wanted.Supervision.Author
	if supervised && author != as && !(some && g.Policy == wanted.Digest()) {
		return nil, &exitError{exitRefused, fmt.Errorf("policy.yaml is a proposal of %s that waits for approvals: %w", authorOf(wanted.Policy), errAnothers)}
	}
	return wanted.Policy, nil
}

// authorOf names the author of a policy that waits.
func authorOf(p *policy.Policy) string {
	if p.Supervision.Author == "" { // an evaluation policy has none
		return "nobody who is named"
	}
	return p.Supervision.Author
}

// checkGrant holds a new grant to the catalogue and the day.
func checkGrant(g policy.Grant, now time.Time) error {
	catalog, err := queries.LoadCatalog(templates.FS)
	if err != nil {
		return err
	}
	for _, t := range g.Templates {
		if _, err := findEither(catalog, t); err != nil {
			return fmt.Errorf("--templates: %w", err)
		}
	}
	if g.Until < now.UTC().Format(time.DateOnly) {
		return fmt.Errorf("--until %s is past", g.Until)
	}
	return nil
}

func grantDiscardCommand() *cobra.Command {
	var dir, as string
	c := &cobra.Command{
		Use: "discard", Short: "Put a policy that waits for approvals away", Args: cobra.NoArgs,
		Long: `Write the policy in force over policy.yaml: whatever waits there, or is broken, is no
longer proposed. It is kept as policy.discarded.yaml, the newest one.`,
		Example: "  qunxiang grant discard --domain D --as steward-s",
		RunE: func(c *cobra.Command, _ []string) error {
			return withCode(changing(c.Context(), dir, as, func(d *domain) error { return d.discard(c.OutOrStdout()) }))
		},
	}
	domainFlags(c, &dir, &as)
	return c
}

// discard writes the policy in force over policy.yaml.
func (d *domain) discard(out io.Writer) error {
	wanted, err := d.proposed()
	if err != nil {
		return err
	}
	g, some := d.state.InForce()
	if !some || wanted.broken == nil && g.Policy == wanted.Digest() {
		return &exitError{exitUsage, errors.New("no policy waits")}
	}
	_, text, err := d.keptPolicy(g.Policy)
	if err != nil {
		return err
	}
	whose := "a file that was no policy"
	if wanted.broken == nil {
		whose = "the policy that " + authorOf(wanted.Policy) + " had put forward"
	}
	if err := d.keepAside(); err != nil {
		return err
	}
	if err := writeDurably(d.path("policy.yaml"), text, 0o600); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s is put away; policy.yaml is the policy in force, %s\n", whose, g.Policy[:12])
	return err
}

// keepAside keeps policy.yaml, where there is one, under another name.
func (d *domain) keepAside() error {
	text, err := os.ReadFile(d.path("policy.yaml"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return writeDurably(d.path("policy.discarded.yaml"), text, 0o600)
}
