package ledger

import "context"

// RulePolicy is the rule of a DENY for a policy that was put forward and is not in force:
// it has not its approvals, or may not take the place of the one that is. The DENY's
// template is the policy's digest.
const RulePolicy = "policy-not-in-force"

// attempts are the policies that were put forward and not put in force, by digest.
type attempts struct{ digests map[string]bool }

func (a *attempts) fold(d *Deny) {
	if d.Rule != RulePolicy {
		return
	}
	if a.digests == nil {
		a.digests = map[string]bool{}
	}
	a.digests[d.Template] = true
}

// Attempted logs, once for each policy, that somebody has put a policy forward which is
// not in force: what one person tried alone is in the log also where it came to nothing.
func (l *Ledger) Attempted(ctx context.Context, by, digest string) error {
	l.attempting.Lock()
	defer l.attempting.Unlock()
	l.mu.RLock()
	known := l.attempts.digests[digest]
	l.mu.RUnlock()
	if known {
		return nil
	}
	_, err := l.Deny(ctx, Deny{Principal: by, Template: digest, Rule: RulePolicy})
	return err
}
