package federated

import (
	"maps"
	"slices"

	"github.com/qunxiang/qunxiang/federated/secagg"
)

// echo is how far an attempt that closed a round, for this node, is in the feed of a
// coordinator that was started again.
type echo struct {
	own    secagg.Phase // the newest own message in the feed, OPEN for none
	said   secagg.Phase // the newest that was sent again
	shares map[int]bool // whose SHARE is in the feed
}

// hear notes what is in the feed of attempts that closed rounds. A coordinator that was
// put back to before that opens the attempt again, and asks for what nobody would say.
func (n *Node) hear(it Item) {
	if _, closed := n.results[it.Attempt]; !closed || it.Sort != SortMessage || it.Phase > secagg.PhaseResult {
		return
	}
	if it.Phase == secagg.PhaseOpen {
		n.echoes[it.Attempt] = &echo{shares: map[int]bool{}}
		return
	}
	e := n.echoes[it.Attempt]
	if e == nil {
		return // the feed was read when the attempt was not over
	}
	if it.Phase == secagg.PhaseShare {
		e.shares[it.Node] = true
	}
	if it.Node == n.self {
		e.own = max(e.own, it.Phase)
	}
}

// repeat says again, as stored, what the coordinator lacks to see that a round is
// closed, one message of an attempt at a time: the next is taken when the phase before
// it is complete. The parts are not sent again, everybody having the sum.
func (n *Node) repeat() error {
	for _, number := range slices.Sorted(maps.Keys(n.echoes)) {
		e := n.echoes[number]
		next := e.own + 1
		if next > secagg.PhaseResult || e.said >= next || next == secagg.PhaseResult && len(e.shares) < len(n.roster.Nodes) {
			continue
		}
		b, err := folder(n.dir.path(attemptName(number))).Get(messageName(next, n.self))
		if err != nil {
			return err
		}
		n.post(SortMessage, number, b)
		e.said = next
	}
	return nil
}
