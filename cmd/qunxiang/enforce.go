package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// policy is the policy in force.
func (d *domain) policy() *policy.Policy { return d.inForce.Policy() }

// enforcePolicy puts policy.yaml in force. Where it has not the approvals it needs, the
// policy that is in force stays, and waiting says why.
func (d *domain) enforcePolicy(ctx context.Context) (waiting, err error) {
	wanted, err := d.proposed()
	if err != nil {
		return nil, err
	}
	p := wanted.Policy
	if wanted.broken != nil {
		d.take(p)
		return wanted.broken, nil
	}
	if err := d.writeNew("policies", p.Digest()+".yaml", wanted.text); err != nil { // before the leaf that names it
		return nil, err
	}
	_, err = d.ledger.Grant(ctx, queries.GrantLeaf(p))
	if errors.Is(err, ledger.ErrCapRaised) {
		err = fmt.Errorf("%w%s", err, d.raisedCaps(p))
	}
	if errors.Is(err, ledger.ErrUnmet) { // it is put forward again at the next start, or change
		waiting = err
		p, err = d.policyInForce(p)
	}
	if d.state.Supervised() && refused(err) {
		waiting = err
		by := "-" // of an evaluation policy nobody says who put it forward
		if p.Supervision.Author != "" {
			by = p.Supervision.Author
		}
		if err := d.ledger.Attempted(ctx, by, p.Digest()); err != nil && !errors.Is(err, ledger.ErrQuorum) {
			return nil, err
		}
		p, err = d.policyInForce(p)
	}
	if err != nil {
		return nil, err
	}
	d.take(p)
	return waiting, nil
}

// refused says that the log does not take a policy, and is none the worse for it.
func refused(err error) bool {
	return errors.Is(err, ledger.ErrApproval) || errors.Is(err, ledger.ErrSupervised) || errors.Is(err, ledger.ErrCapRaised) || errors.Is(err, ledger.ErrLeaf)
}

// raisedCaps says which caps a policy would raise, and what they are.
func (d *domain) raisedCaps(p *policy.Policy) (text string) {
	g, _ := d.state.InForce()
	kept, _, err := d.keptPolicy(g.Policy)
	if err != nil {
		return ""
	}
	if !p.YearCap().Fits(kept.YearCap()) {
		text += fmt.Sprintf("; caps.year is %s in policy.yaml and %s in force", p.Caps.Year, kept.Caps.Year)
	}
	if !p.LifeCap().Fits(kept.LifeCap()) {
		text += fmt.Sprintf("; caps.life is %s in policy.yaml and %s in force", p.Caps.Life, kept.Caps.Life)
	}
	return text
}

// take goes by a policy from now on.
func (d *domain) take(p *policy.Policy) {
	d.inForce.Put(p)
	if d.runner != nil {
		d.runner.Enforce(p)
	}
}

// watch puts in force what gets its approvals, or is edited, while the domain is served.
// Whatever is wrong with the file is told once, and the policy in force stays.
func (d *domain) watch(ctx context.Context, log io.Writer) {
	var told string
	var seen watched
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := d.promote(); err != nil { // a new key has perhaps signed by now
			fmt.Fprintln(log, err)
		}
		now := d.look()
		if now == seen {
			continue
		}
		seen = now
		waiting, err := d.enforcePolicy(ctx)
		if err == nil {
			err = d.settle(ctx, log)
		}
		if waiting != nil {
			err = fmt.Errorf("policy.yaml waits: %w", waiting)
		}
		d.pending.Store(err != nil)
		if text := fmt.Sprint(err); err != nil && text != told {
			fmt.Fprintln(log, text)
			told = text
		}
	}
}

// watched is what watch looks at: who wrote the policy when, what waits, and what the log
// has of approvals.
type watched struct {
	written   time.Time
	size      int64
	proposals time.Time
	approvals int64
	readOnly  bool
}

func (d *domain) look() (w watched) {
	if info, err := os.Stat(d.path("policy.yaml")); err == nil {
		w.written, w.size = info.ModTime(), info.Size()
	}
	if info, err := os.Stat(d.path(proposalFolder)); err == nil {
		w.proposals = info.ModTime()
	}
	w.readOnly = d.ledger.Unmet() != nil
	for _, a := range d.state.Approvals(time.Now()) {
		w.approvals = max(w.approvals, a.Index+1)
	}
	return w
}

// writeNew writes a file in a folder of the domain's, durably.
func (d *domain) writeNew(folder, name string, b []byte) error {
	if err := os.MkdirAll(d.path(folder), 0o700); err != nil {
		return err
	}
	return writeDurably(filepath.Join(d.path(folder), name), b, 0o600)
}
