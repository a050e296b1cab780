package ledger

import (
	"errors"
	"fmt"
)

// Witnesses are retired by a policy that names others. An old disk from before that policy
// knows of those from before only, and holds itself against what they know: had they never
// heard of the new policy, they would take such a disk for the newest and cosign what is
// charged on it a second time. So the checkpoint that covers the GRANT is cosigned by the
// quorum that it retires as well as by its own. Until then it is as where witnesses are away:
// no charge is admitted and releases wait. The newest checkpoint on the disk says whether
// that is done, so a restart forgets nothing.

// retiring are the witnesses of the newest checkpoint, where that of so many leaves is the
// first of a policy with others; none else.
func (s *State) retiring(to int64) Witnesses {
	before := s.cosignersAt(s.signed)
	if before.equal(s.cosignersAt(to)) {
		return Witnesses{}
	}
	return before
}

// retire has the quorum before cosign the checkpoint that covers the GRANT that retires it.
// Where it is lost for good somebody has to vouch for the disk: see Options.Vouched.
func (l *Ledger) retire(before Witnesses, text []byte, prove Prover) error {
	if before.Quorum == 0 {
		return nil
	}
	_, _, err := l.ask(before, text, prove)
	if err == nil || errors.Is(err, ErrRolledBack) {
		return err
	}
	if l.vouched {
		return nil
	}
	return fmt.Errorf("the witnesses of the policy before have to cosign the checkpoint that retires them: %w", err)
}
