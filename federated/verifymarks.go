package federated

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/qunxiang/qunxiang/federated/secagg"
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
func (v *verification) marked(attempts []uint64) (list []marked, err error) {
	for _, a := range attempts {
		m := marked{attempt: a, round: -1, shared: make([]bool, len(v.out.Card.Nodes))}
		if r, ok := v.closed[a]; ok {
			m.round, m.marks = r, v.out.Rounds[r].Ledgers
			for i := range m.shared {
				m.shared[i] = true
			}
		} else if err := v.hellos(&m); err != nil {
			return nil, err
		}
		list = append(list, m)
	}
	return list, nil
}

// hellos reads what a burnt attempt's messages prove: an OPEN of this job and attempt,
// every node's signed HELLO in its context, and the SHAREs that came. A SHARE counts if
// its node has signed it in the context that all nodes' CONFIRMs have.
func (v *verification) hellos(m *marked) error {
	roster := v.out.Card.Roster()
	t := transcript{v, filepath.Join(v.dir, "attempt-"+strconv.FormatUint(m.attempt, 10))}
	bad := func(err error) error { return wrong(VerifyTranscript, m.attempt, "%w", err) }
	opened, err := t.Message(secagg.PhaseOpen, secagg.Coordinator)
	if err != nil {
		return bad(err)
	}
	open, params, named, err := secagg.ParseOpen(opened)
	switch {
	case err != nil:
		return bad(err)
	case open.Job != v.out.Job || open.Attempt != m.attempt || params != v.params.ID() || named != roster.Digest():
		return bad(fmt.Errorf("%w: the OPEN is of another attempt", ErrWire))
	}
	if err := opened.Verify(roster); err != nil || sha256.Sum256(opened.Body) != opened.Payload {
		return bad(errors.Join(err, ErrWire))
	}
	said := func(f secagg.Phase, i int) (msg secagg.Message, err error) {
		if msg, err = t.Message(f, i); err == nil && (msg.Phase != f || msg.Node != i || sha256.Sum256(msg.Body) != msg.Payload) {
			err = fmt.Errorf("%w: %v of node %d is not what it signed", ErrWire, f, i)
		}
		if err == nil {
			err = msg.Verify(roster)
		}
		return msg, err
	}
	var ctx secagg.Hash
	for i := range v.out.Card.Nodes {
		hello, err := said(secagg.PhaseHello, i)
		if err == nil && hello.Context != open.Context0(params, named) {
			err = fmt.Errorf("%w: a HELLO of another attempt", ErrWire)
		}
		var mark secagg.Mark
		if err == nil {
			mark, err = secagg.HelloMark(hello)
		}
		if err != nil {
			return bad(err)
		}
		m.marks = append(m.marks, mark)
		confirm, err := said(secagg.PhaseConfirm, i)
		if err == nil && i > 0 && confirm.Context != ctx {
			err = fmt.Errorf("%w: the CONFIRMs are of different attempts", ErrWire)
		}
		if err != nil {
			return bad(err)
		}
		ctx = confirm.Context
	}
	for i := range m.shared {
		share, err := said(secagg.PhaseShare, i)
		m.shared[i] = err == nil && share.Context == ctx
	}
	return nil
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
// marked one. A charge elsewhere is one that nobody saw.
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
