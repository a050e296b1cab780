package secagg

import "fmt"

// board keeps what every node said in every phase: statements only, so that its
// size does not depend on payloads.
type board struct {
	shape  Shape
	roster Roster
	said   [phases][]*Statement
}

func newBoard(s Shape, r Roster) board {
	b := board{shape: s, roster: r}
	for f := range b.said {
		b.said[f] = make([]*Statement, s.Nodes)
	}
	return b
}

// admit takes a valid message. fresh is false for a resend of the same. A second
// differing one is an [Evidence].
func (b *board) admit(m Message, ctx Hash) (fresh bool, err error) {
	if m.Node < 0 || m.Node >= b.shape.Nodes {
		return false, fmt.Errorf("%w: node %d of %d", ErrRoster, m.Node, b.shape.Nodes)
	}
	if m.Context != ctx {
		return false, fmt.Errorf("%w: %v of node %d", ErrContext, m.Phase, m.Node)
	}
	if err := b.shape.check(m); err != nil {
		return false, err
	}
	if err := m.Verify(b.roster); err != nil {
		return false, err
	}
	if old := b.said[m.Phase][m.Node]; old != nil {
		if old.Payload != m.Payload {
			return false, &Evidence{*old, m.Statement}
		}
		return false, nil
	}
	s := m.Statement
	b.said[m.Phase][m.Node] = &s
	return true, nil
}

// missing lists the nodes not heard in a phase.
func (b *board) missing(f Phase) (nodes []int) {
	for i, s := range b.said[f] {
		if s == nil {
			nodes = append(nodes, i)
		}
	}
	return nodes
}

// digest is the hash of a whole phase: all payloads in roster order.
func (b *board) digest(f Phase) []Hash {
	list := make([]Hash, 0, b.shape.Nodes)
	for _, s := range b.said[f] {
		list = append(list, s.Payload)
	}
	return list
}

// rootOf is the transcript root T: the context (all HELLOs), the phases KEYCOM
// to CT, and the sums C1 that each node computed for itself.
func rootOf(ctx Hash, payloads func(Phase) []Hash, sums []Hash) Hash {
	all := make([]Hash, 0, 5)
	for f := PhaseKeyCom; f <= PhaseCT; f++ {
		all = append(all, hashAll(f.String(), ctx, payloads(f)))
	}
	return hashAll("root", ctx, append(all, hashAll("sums", ctx, sums)))
}
