package federated

import (
	"crypto"
	"errors"
	"slices"
)

// The reasons of a [NoticeWaiting]: the others are told which kind of rule a node waits
// for, and no figure of its limits or its ledger.
const (
	WaitLimits   = "the limits of its operator"
	WaitWindow   = "a window of its operator"
	WaitBudget   = "room in its privacy budget"
	WaitSnapshot = "the snapshot of its rows"
	WaitRules    = "the rules of its domain"
)

func waitReasons() []string {
	return []string{WaitLimits, WaitWindow, WaitBudget, WaitSnapshot, WaitRules}
}

// Mendable says whether a refusal of [OpenNode], or of what led to it, may be mended and
// tried again, within the days of the card, and which reason the others are told. These
// are the refusals that come before any data is touched: the operator's limits, a
// second job on a snapshot, a budget without room, a snapshot that is not there, a
// policy that does not grant the job. Everything else is no reason to wait: a card that
// cannot be run here, data that break the contract, a share, a ledger or a message that
// only a cheat or an old backup explains.
func Mendable(err error) (reason string, ok bool) {
	for _, w := range []struct {
		rule   error
		reason string
	}{
		{ErrCard, ""}, {ErrApproval, ""}, {ErrStopped, ""}, {ErrRoom, WaitBudget}, {ErrAbsent, WaitSnapshot},
		{ErrLimit, WaitLimits}, {ErrSnapshot, WaitLimits}, {ErrRefused, WaitRules},
	} {
		if errors.Is(err, w.rule) {
			return w.reason, w.reason != ""
		}
	}
	return "", false
}

// WaitNotice is what a node posts of a job that it cannot open yet: the others see why
// they wait. ErrApproval if the key is not the node's on the card or the reason is none
// of [Mendable].
func WaitNotice(c *Card, node, reason string, key crypto.Signer) (Posting, error) {
	return noticePosting(c, node, NoticeWaiting, reason, key)
}

// wait says, once, that the node waits for something before it begins an attempt.
func (n *Node) wait(reason string) error {
	if n.waits == reason {
		return nil
	}
	n.waits = reason
	n.o.Log("waiting for " + reason)
	return n.say(NoticeWaiting, reason)
}

// Waiting is what this node waits for before it begins an attempt, "" for nothing.
func (n *Node) Waiting() string { return n.waits }

// SetLimits puts other limits in force, from the next attempt on: an operator has
// corrected them. An attempt that they held back is looked at again.
func (n *Node) SetLimits(l Limits) {
	n.o.Limits, n.waits = l, ""
}

// item is where a notice stands in the feed: one of each kind from a node, and one for
// each reason to wait.
func (n Notice) item(node int) Item {
	return Item{
		Sort: SortNotice, Node: node, Phase: noticePhase(n.Kind),
		Chunk: max(0, slices.Index(waitReasons(), n.Text)),
	}
}
