package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/queries"
)

// policy is the policy in force.
func (d *domain) policy() *policy.Policy { return d.inForce.Policy() }

// loadPolicy reads policy.yaml, which in a supervised domain may be a proposal only.
func (d *domain) loadPolicy() (*policy.Policy, error) {
	p, err := policy.Load(d.path("policy.yaml"))
	if err != nil {
		return nil, err
	}
	if p.Population != d.keys.person.Population() {
		return nil, fmt.Errorf("policy.yaml is for population %s, the domain's key makes %s", p.Population, d.keys.person.Population())
	}
	return p, nil
}

// policyCopy is where the text of a policy that was put in force is kept.
func (d *domain) policyCopy(digest string) string { return d.path("policies", digest+".yaml") }

// enforcePolicy puts policy.yaml in force. Where it has not the approvals it needs, the
// policy that is in force stays, and waiting says why.
func (d *domain) enforcePolicy(ctx context.Context) (waiting, err error) {
	p, err := d.loadPolicy()
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(d.path("policy.yaml"))
	if err != nil {
		return nil, err
	}
	if digestOf(text) != p.Digest() { // the copy must be of what was read
		return nil, errors.New("policy.yaml was changed while it was read")
	}
	if err := os.MkdirAll(d.path("policies"), 0o700); err != nil {
		return nil, err
	}
	if err := writeDurably(d.policyCopy(p.Digest()), text, 0o600); err != nil { // before the leaf that names it
		return nil, err
	}
	_, err = d.ledger.Grant(ctx, queries.GrantLeaf(p))
	if errors.Is(err, ledger.ErrApproval) || errors.Is(err, ledger.ErrSupervised) {
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
	d.inForce.Put(p)
	if d.runner != nil {
		d.runner.Enforce(p)
	}
	return waiting, nil
}

// policyInForce is the policy that the log has in force: the one given, or the copy kept.
// An evaluation domain goes by its file, as its next writing command will.
func (d *domain) policyInForce(p *policy.Policy) (*policy.Policy, error) {
	g, some := d.state.InForce()
	if !some || g.Mode == policy.ModeEvaluation || g.Policy == p.Digest() {
		return p, nil
	}
	kept, err := policy.Load(d.policyCopy(g.Policy))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("the policy in force, %s, is kept in no file; put back the policy.yaml with that SHA-256", g.Policy)
	}
	if err == nil && kept.Digest() != g.Policy {
		err = fmt.Errorf("%s is not the policy it is named after", d.policyCopy(g.Policy))
	}
	return kept, err
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
}

func (d *domain) look() (w watched) {
	if info, err := os.Stat(d.path("policy.yaml")); err == nil {
		w.written, w.size = info.ModTime(), info.Size()
	}
	if info, err := os.Stat(d.path(proposalFolder)); err == nil {
		w.proposals = info.ModTime()
	}
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
