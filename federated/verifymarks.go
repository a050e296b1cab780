package federated

import (
	"crypto/sha256"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/qunxiang/qunxiang/federated/secagg"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// marked is an attempt for which a share was made, with what all nodes showed of their
// ledgers before it and who sent a share, as far as this folder saw.
type marked struct {
	attempt uint64
	round   int // -1 for a burnt one
	marks   []secagg.Mark
	shared  []bool
}

// marked lists the attempts that are charged in this folder, in order.
func (v *verification) marked(attempts []uint64) (list []marked) {
	for _, a := range attempts {
		m := marked{attempt: a, round: -1, shared: make([]bool, len(v.out.Card.Nodes))}
		if r, ok := v.closed[a]; ok {
			m.round, m.marks = r, v.out.Rounds[r].Ledgers
			for i := range m.shared {
				m.shared[i] = true
			}
		} else {
			v.shares(&m)
		}
		list = append(list, m)
	}
	return list
}

// shares reads what a burnt attempt's transcript proves of the marks, and the SHAREs that
// came. A SHARE counts if its node has signed it in the attempt's context.
func (v *verification) shares(m *marked) {
	roster, rep := v.out.Card.Roster(), v.burnt[m.attempt]
	t := transcript{v, filepath.Join(v.dir, "attempt-"+strconv.FormatUint(m.attempt, 10))}
	m.marks = rep.Ledgers
	for i := range m.shared {
		s, err := t.Message(secagg.PhaseShare, i)
		m.shared[i] = err == nil && s.Phase == secagg.PhaseShare && s.Node == i && s.Context == rep.Context &&
			sha256.Sum256(s.Body) == s.Payload && s.Verify(roster) == nil
	}
}

// books holds every node's ledger to what its HELLOs said of it, over the burnt attempts
// too: it never goes back, and whoever sent a share of an attempt has charged before the
// next one. Of closed rounds alone, ledgers says it.
func (v *verification) books(list []marked) error {
	for i := 1; i < len(list); i++ {
		before, now := list[i-1], list[i]
		for k, node := range v.out.Card.Nodes {
			was, is := before.marks[k], now.marks[k]
			switch {
			case is.Counter < was.Counter || is.Counter == was.Counter && is.Head != was.Head:
				return wrong(VerifyCharge, now.attempt, "the ledger of %s went back", node.Name)
			case is.Counter == was.Counter && before.shared[k] && before.round < 0:
				return wrong(VerifyUncharged, before.attempt, "%s has sent a share, and its ledger did not grow until attempt %d: the charge is missing", node.Name, now.attempt)
			}
		}
	}
	return nil
}

// own holds the proven charges to the ledger that the others were shown: each after the
// mark of its own attempt and before that of the next, in a log that begins with the
// marked one, and with that of the charge before. A charge elsewhere is one that nobody
// saw.
func (v *verification) own(list []marked) error {
	for i, m := range list {
		p, ok := v.proofs[m.attempt]
		if !ok {
			continue // missing is said before
		}
		code := VerifyUnseen
		if m.round >= 0 {
			code = VerifyCharge
		}
		var next *secagg.Mark
		if i+1 < len(list) {
			next = &list[i+1].marks[v.self]
		}
		if err := v.shown(code, m.attempt, m.marks[v.self], next, p); err != nil {
			return err
		}
		if i == 0 {
			continue
		}
		// A charge in a copy of the ledger, from before the other, is none.
		if err := ledger.VerifyGrown(p.After, v.proofs[list[i-1].attempt].Proof, p.Proof, p.Key); err != nil {
			return wrong(VerifyCharge, m.attempt, "the charges are not in one log: %w", err)
		}
	}
	return nil
}

// book compares the folder's charges with those in the node's own ledger. It is read
// before the folder for what is too many there, and after it for what is lacking: a node
// may be charging meanwhile.
func (v *verification) book(before, after map[uint64]string, list []marked) error {
	for a := range before {
		if !slices.ContainsFunc(list, func(m marked) bool { return m.attempt == a }) {
			return wrong(VerifyUnseen, a, "the ledger has a charge of this attempt, and the folder nothing")
		}
	}
	for _, m := range list {
		if _, ok := after[m.attempt]; !ok {
			return wrong(VerifyUncharged, m.attempt, "the ledger has no charge of this attempt")
		}
	}
	return nil
}
