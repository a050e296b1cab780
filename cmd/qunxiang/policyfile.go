package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/qunxiang/qunxiang/policy"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// proposedPolicy is policy.yaml beside a log. Once a supervised policy is in force the
// file is a proposal only: broken or lost, it stops nothing that goes by the log.
type proposedPolicy struct {
	*policy.Policy // the file's; where that is no policy, the one in force
	text           []byte
	broken         error // why the file is no policy; nil where it is one
}

// proposed reads policy.yaml beside the log in d.state.
func (d *domain) proposed() (proposedPolicy, error) {
	p, text, err := d.readPolicy()
	g, some := d.state.InForce()
	if err == nil || !some {
		return proposedPolicy{p, text, nil}, err
	}
	if g.Mode != policy.ModeSupervised {
		if errors.Is(err, fs.ErrNotExist) {
			err = fmt.Errorf("%s is missing: put it back; the one that was in force last is kept in %s", d.path("policy.yaml"), d.policyCopy(g.Policy))
		}
		return proposedPolicy{}, err
	}
	kept, text, lost := d.keptPolicy(g.Policy)
	if lost != nil {
		return proposedPolicy{}, errors.Join(err, lost)
	}
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%s is missing", d.path("policy.yaml"))
	}
	return proposedPolicy{kept, text, fmt.Errorf("%w; the policy in force stays, and grant discard writes it back", err)}, nil
}

// readPolicy reads policy.yaml and its text.
func (d *domain) readPolicy() (*policy.Policy, []byte, error) {
	text, err := os.ReadFile(d.path("policy.yaml"))
	if err != nil {
		return nil, nil, err
	}
	p, err := policy.Parse(d.path("policy.yaml"), text)
	if err == nil && p.Population != d.keys.person.Population() {
		err = fmt.Errorf("policy.yaml is for population %s, the domain's key makes %s", p.Population, d.keys.person.Population())
	}
	return p, text, err
}

// policyCopy is where the text of a policy that was put in force is kept.
func (d *domain) policyCopy(digest string) string { return d.path("policies", digest+".yaml") }

// keptPolicy is the copy of a policy that was put in force, and its text.
func (d *domain) keptPolicy(digest string) (*policy.Policy, []byte, error) {
	text, err := os.ReadFile(d.policyCopy(digest))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("the policy in force, %s, is kept in no file; put back the policy.yaml with that SHA-256", digest)
	}
	if err != nil {
		return nil, nil, err
	}
	if digestOf(text) != digest {
		return nil, nil, fmt.Errorf("%s is not the policy it is named after", d.policyCopy(digest))
	}
	p, err := policy.Parse(d.policyCopy(digest), text)
	return p, text, err
}

// policyInForce is the policy that the log has in force: the one given, or the copy kept.
// An evaluation domain goes by its file, as its next writing command will.
func (d *domain) policyInForce(p *policy.Policy) (*policy.Policy, error) {
	g, some := d.state.InForce()
	if !some || g.Mode == policy.ModeEvaluation || g.Policy == p.Digest() {
		return p, nil
	}
	kept, _, err := d.keptPolicy(g.Policy)
	return kept, err
}

// begun says whether a folder is a domain's: it has a policy, or a log that has one in
// force.
func (d *domain) begun() (bool, error) {
	if _, err := os.Stat(d.path("policy.yaml")); !errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if _, err := os.Stat(d.path("ledger")); err != nil {
		return false, nil
	}
	s, err := readLog(d.dir)
	if errors.Is(err, ledger.ErrMissing) || errors.Is(err, ledger.ErrKey) { // no log, or none of its keys
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("%s: %w", d.path("ledger"), err)
	}
	_, some := s.InForce()
	return some, nil
}
