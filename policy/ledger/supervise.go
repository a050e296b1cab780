package ledger

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/qunxiang/qunxiang/policy/witness"
)

// MinRetention is how many days a released file is kept at least: the six months of
// logs that the law asks for (网络安全法, article 21).
const MinRetention = 183

// minApprovers is how many people a supervised domain names, so that two are left when
// one is away or has lost their key.
const minApprovers = approvers + 1

// enforce puts a policy in force. Who supervises a domain decides on the next policy;
// the first that names approvers is put there by nobody else, and nothing is charged
// under it until two of them approve it.
func (s *State) enforce(l Leaf, g *Grant) error {
	if g.Population != s.population {
		return fmt.Errorf("%w: grant for another population", ErrLeaf)
	}
	if s.grant != nil && !(g.Year.Fits(s.grant.Year) && g.Life.Fits(s.grant.Life)) {
		return ErrCapRaised
	}
	if l.Previous != "" && g.Replaces != s.replaced() {
		return fmt.Errorf("%w: it takes the place of leaf %d, in force is leaf %d", ErrLeaf, g.Replaces, s.replaced())
	}
	digest, askers := "", askersOf(g, s.grant)
	if g.Mode == modeSupervised {
		var err error
		if digest, err = ContentDigest(g); err != nil {
			return err
		}
	}
	if s.grant != nil && s.grant.Mode == modeSupervised {
		if g.Mode != modeSupervised {
			return ErrSupervised
		}
		if s.grant.person(g.By) == "" { // else whoever writes it would say who wrote it
			return fmt.Errorf("%w: the policy in force does not know %s, who put this one forward", ErrApproval, g.By)
		}
		of := thing{SubjectGrant, digest}
		if err := enough(of, s.agreed(s.grant, of, l.Time, askers)); err != nil {
			return err
		}
	}
	s.grant, s.grantIndex, s.grantDigest, s.askers = g, l.Index, digest, askers
	s.history.policies = append(s.history.policies, policyThen{g, l.Index, l.Time, digest, askers})
	return nil
}

// replaced is the GRANT leaf in force, -1 for none.
func (s *State) replaced() int64 {
	if s.grant == nil {
		return -1
	}
	return s.grantIndex
}

// Succession is the leaf that puts a policy in force now, or has put it: what people
// approve. It is for the policy in force only; after another GRANT it is another leaf.
func (s *State) Succession(g Grant) Grant {
	s.mu.RLock()
	defer s.mu.RUnlock()
	g = g.copy()
	if g.Replaces = s.replaced(); s.grant != nil && s.grant.same(g) {
		g.Replaces = s.grant.Replaces
	}
	return g
}

// PolicyInForce is the GRANT leaf in force and the digest of its policy; -1 before the first.
func (s *State) PolicyInForce() (leaf int64, digest string) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.grant == nil {
		return -1, ""
	}
	return s.grantIndex, s.grant.Policy
}

// InForceSince is the GRANT leaf in force and its time; -1 before the first. Policies that
// it repeats do not count: they are not logged.
func (s *State) InForceSince() (leaf int64, at time.Time) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.grant == nil {
		return -1, time.Time{}
	}
	return s.grantIndex, s.history.policies[len(s.history.policies)-1].at
}

// nobodys says that no person is known behind a principal of a supervised domain: its
// node, which charges for training and asks nothing.
func (g *Grant) nobodys(principal string) bool {
	return g.Mode == modeSupervised && g.person(principal) == ""
}

// checkSupervision holds a GRANT leaf to what its mode needs.
func (g *Grant) checkSupervision() error {
	bad := func(why string) error { return fmt.Errorf("%w: %w: %s", ErrLeaf, ErrSupervised, why) }
	switch {
	case g.Mode == modeEvaluation && len(g.Approvers) > 0:
		return bad("a policy that names approvers is no evaluation's")
	case g.Mode == modeEvaluation:
		return g.checkPeople()
	case g.Mode != modeSupervised:
		return fmt.Errorf("%w: a mode that is not known", ErrLeaf)
	case len(g.Approvers) < minApprovers:
		return bad("fewer than three approvers")
	case g.Witnesses.Quorum < 1 || g.Witnesses.Quorum > int64(len(g.Witnesses.Keys)):
		return bad("no quorum of witnesses")
	case 2*g.Witnesses.Quorum <= int64(len(g.Witnesses.Keys)):
		return bad("two halves of the witnesses could cosign two logs: the quorum must be more than half of them")
	case g.Retention < MinRetention:
		return bad("released files are kept for too short a time")
	case leastPeople(g.K) < MinK:
		return bad("groups of fewer than 20 people would be shown")
	case g.person(g.By) == "":
		return bad("nobody knows who put the policy forward")
	}
	if _, err := witness.NewPolicy(g.Witnesses.Keys, int(g.Witnesses.Quorum)); err != nil {
		return bad(err.Error())
	}
	if err := g.checkPeople(); err != nil {
		return err
	}
	for _, e := range g.Grants {
		if e.Organisation == "" {
			return bad("a grant without an organisation")
		}
	}
	return nil
}

// MinK is the least threshold on a group's people.
const MinK = 20

// leastPeople reads the threshold of a policy, which is a number of people or noisy; 0 for
// what is neither.
func leastPeople(k string) int64 {
	k, noisy := strings.CutPrefix(k, "noisy, ")
	if noisy {
		if k, noisy = strings.CutSuffix(k, " where keys are private"); !noisy {
			return 0
		}
	}
	n, err := whole(k)
	if err != nil {
		return 0
	}
	return n
}

// checkPeople wants approvers and principals in order, each once, and every approver
// to be a person behind some principal.
func (g *Grant) checkPeople() error {
	var persons, keys, principals, known []string
	for _, p := range g.Persons {
		principals, known = append(principals, p.Principal), append(known, p.Person)
	}
	for _, a := range g.Approvers {
		persons, keys = append(persons, a.Person), append(keys, a.Key)
		if b, err := base64.StdEncoding.Strict().DecodeString(a.Key); err != nil || !witness.SoundKey(b) {
			return fmt.Errorf("%w: an approver's key is not an Ed25519 key in base64", ErrLeaf)
		}
		if !slices.Contains(known, a.Person) {
			return fmt.Errorf("%w: approver %s is no principal", ErrLeaf, a.Person)
		}
	}
	for _, p := range known {
		if err := checkTexts("person", p); err != nil {
			return err
		}
	}
	for _, err := range []error{checkText("by", g.By), checkText("k", g.K), checkRetention(g.Retention), checkCount("quorum", g.Witnesses.Quorum),
		checkList("keys", g.Witnesses.Keys, true), checkList("approvers", persons, true), checkList("keys of approvers", keys, false), checkList("persons", principals, true)} {
		if err != nil {
			return err
		}
	}
	return nil
}

// maxRetention is for how many days released files are kept at most: a hundred years, which a
// date can count.
const maxRetention = 36500

func checkRetention(days int64) error {
	if days > maxRetention {
		return fmt.Errorf("%w: released files are kept for %d days at most", ErrLeaf, maxRetention)
	}
	return checkCount("retention_days", days)
}

// resume takes the approvals of two people, or nobody's in an evaluation domain.
func (s *State) resume(l Leaf, b *Resume) error {
	st := s.standing[b.Template]
	switch {
	case !st.suspended:
		return ErrNotSuspended
	case s.grant == nil:
		return ErrNoCaps
	case l.Previous != "" && b.Since != st.since:
		return fmt.Errorf("%w: it is suspended since leaf %d", ErrNotSuspended, st.since)
	}
	if err := s.needContent(SubjectResume, b, l.Time, b.By...); err != nil {
		return err
	}
	delete(s.standing, b.Template)
	return nil
}

// audited takes in that the noise of the first leaves' releases was looked at. An
// approval is for one look: a second one takes two new signatures on a longer log.
func (s *State) audited(l Leaf, b *Audit) error {
	of := thing{SubjectAudit, b.Root}
	switch {
	case b.Leaves > l.Index:
		return fmt.Errorf("%w: the log has not so many leaves", ErrUnknown)
	case s.audits[b.Root]:
		return fmt.Errorf("%w: this look was taken before", ErrApproval)
	}
	if t, err := s.rootOf(b.Leaves); err != nil || hex.EncodeToString(t.Hash[:]) != b.Root {
		return fmt.Errorf("%w: it is not the root of the first %d leaves", ErrUnknown, b.Leaves)
	}
	if err := s.need(of, l.Time, b.By); err != nil {
		return err
	}
	s.audits[b.Root] = true
	return nil
}
