package federated

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/qunxiang/qunxiang/federated/secagg"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// charges wants one CHARGE for each attempt that was shared, burnt ones included, and for
// nothing but attempts of this job, at the card's price, and all in one log.
func (v *verification) charges() error {
	before, err := v.readBook()
	if err != nil {
		return err
	}
	attempts, err := v.attempts()
	if err != nil {
		return err
	}
	charged := map[uint64]bool{}
	for _, attempt := range attempts {
		dir := fmt.Sprintf("attempt-%d", attempt)
		b, err := v.read(dir, "charge.json")
		if errors.Is(err, os.ErrNotExist) {
			shared, err := v.shared(dir)
			if err != nil || shared {
				return wrong(VerifyCharge, attempt, "%w", errors.Join(err, os.ErrNotExist))
			}
			continue
		}
		if err != nil {
			return wrong(VerifyCharge, attempt, "%w", err)
		}
		if err := v.charge(attempt, b); err != nil {
			return err
		}
		charged[attempt] = true
	}
	for _, r := range v.out.Rounds {
		if !charged[r.Attempt] {
			return wrong(VerifyCharge, r.Attempt, "%w", os.ErrNotExist)
		}
	}
	slices.Sort(v.out.Burnt)
	if len(v.out.Burnt) > Spares+1 {
		return wrong(VerifyCharge, 0, "%d attempts are burnt", len(v.out.Burnt))
	}
	attempts = slices.DeleteFunc(attempts, func(a uint64) bool { return !charged[a] })
	list := v.marked(attempts)
	for _, check := range []func([]marked) error{v.own, v.books} {
		if err := check(list); err != nil {
			return err
		}
	}
	after, err := v.readBook()
	if err != nil || v.o.Book == nil {
		return err
	}
	return v.book(before, after, list)
}

// readBook is what the node's own ledger says, nil where it is not at hand.
func (v *verification) readBook() (map[uint64]string, error) {
	if v.o.Book == nil {
		return nil, nil
	}
	b, err := v.o.Book(v.out.Job)
	if err != nil {
		return nil, wrong(VerifyCharge, 0, "%w", err)
	}
	return b, nil
}

// attempts are those with a folder, in order.
func (v *verification) attempts() (list []uint64, err error) {
	entries, err := os.ReadDir(v.dir)
	if err != nil {
		return nil, wrong(VerifyCharge, 0, "%w", err)
	}
	for _, e := range entries {
		number, ok := strings.CutPrefix(e.Name(), "attempt-")
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 64)
		if err != nil || number != strconv.FormatUint(n, 10) {
			return nil, wrong(VerifyCharge, 0, "%q is no attempt", e.Name())
		}
		list = append(list, n)
	}
	slices.Sort(list)
	return list, nil
}

// shared says whether an attempt's folder has a SHARE: a node keeps none, nor anybody
// else's, before its own is charged.
func (v *verification) shared(attempt string) (bool, error) {
	entries, err := os.ReadDir(filepath.Join(v.dir, attempt))
	return slices.ContainsFunc(entries, func(e os.DirEntry) bool { return strings.HasPrefix(e.Name(), "SHARE-") }), err
}

func (v *verification) charge(attempt uint64, b []byte) error {
	bad := func(what string) error { return wrong(VerifyCharge, attempt, "%s", what) }
	var p ChargeProof
	if err := strictly(b, &p); err != nil {
		return wrong(VerifyCharge, attempt, "%w", err)
	}
	raw, err := base64.StdEncoding.DecodeString(p.Leaf)
	if err != nil {
		return wrong(VerifyCharge, attempt, "%w", err)
	}
	switch {
	case v.out.LedgerKey == "":
		v.out.LedgerKey = p.Key
	case v.out.LedgerKey != p.Key:
		return bad("the charges are of different ledgers")
	}
	if v.o.LedgerKey != "" && p.Key != v.o.LedgerKey && !slices.Contains(v.o.Earlier, p.Key) {
		return bad("the charge is of another ledger")
	}
	if err := ledger.VerifyProof(p.Proof, raw, p.Key); err != nil {
		return wrong(VerifyCharge, attempt, "%w", err)
	}
	leaf, err := ledger.Decode(raw)
	if err != nil {
		return wrong(VerifyCharge, attempt, "%w", err)
	}
	c, ok := leaf.Body.(*ledger.Charge)
	source := v.out.Card.Source
	switch {
	case !ok || c.Key != v.out.Job.String() || c.ID != chargeID(v.out.Job, attempt) || c.Catalogue != ledger.Training || c.Purpose != v.out.Card.Purpose:
		return bad("the leaf charges something else")
	case c.Template != source.Template || c.TemplateDigest != source.Digest:
		return bad("the leaf charges for another feature template")
	case !slices.ContainsFunc(c.Scopes, func(s string) bool { return strings.HasSuffix(s, "/life") }):
		return bad("the leaf charges no lifetime")
	}
	switch basis := (Basis{c.Snapshot, c.Scopes}); {
	case v.basis == nil:
		v.basis = &basis
	case v.basis.Snapshot != basis.Snapshot || !slices.Equal(v.basis.Scopes, basis.Scopes):
		return bad("the charges are of different snapshots or scopes")
	}
	v.out.Rho += c.Cost.Rho
	v.proofs[attempt] = p
	round, root, err := v.barrier(attempt)
	if err != nil {
		return err
	}
	cost, err := v.plan.RoundCost(round)
	if err != nil || c.Cost.Rho < cost.Rho || c.Cost.Delta < cost.Delta {
		return bad("the charge is less than the round costs")
	}
	if c.Idempotency != root.String() {
		return bad("the charge names another transcript")
	}
	return nil
}

// barrier is the round and root of a closed round's attempt, or of a burnt one, whose
// transcript proves as much up to the barrier.
func (v *verification) barrier(attempt uint64) (round int, root secagg.Hash, err error) {
	if r, closed := v.closed[attempt]; closed {
		return r, v.out.Rounds[r].Root, nil
	}
	v.out.Burnt = append(v.out.Burnt, attempt)
	t := transcript{v, filepath.Join(v.dir, "attempt-"+strconv.FormatUint(attempt, 10))}
	rep, err := secagg.VerifyBarrier(v.params, v.out.Card.Roster(), v.out.Job, t)
	if err != nil {
		return 0, root, wrong(VerifyTranscript, attempt, "%w", err)
	}
	r, model := int(rep.Open.Round), v.beta.Hash()
	if r < len(v.out.Rounds) {
		model = v.out.Rounds[r].Model
	}
	if rep.Open.Attempt != attempt || r > len(v.out.Rounds) || rep.Open.Model != model || int(rep.Open.Length) != v.plan.Cells() {
		return 0, root, wrong(VerifyTranscript, attempt, "it is attempt %d of round %d, or began from another model", rep.Open.Attempt, r)
	}
	v.burnt[attempt] = rep
	return r, rep.Root, nil
}

// shown wants a charge in the ledger that the node showed its peers: after the mark of
// this attempt and before that of the next, if there is one, in a log that begins with
// the marked one.
func (v *verification) shown(code string, attempt uint64, mark secagg.Mark, next *secagg.Mark, p ChargeProof) error {
	index := uint64(p.Proof.Index)
	if index < mark.Counter || next != nil && index >= next.Counter {
		return wrong(code, attempt, "the charge is not where the ledger grew that the others were shown")
	}
	if err := ledger.VerifyConsistency(p.Grown, int64(mark.Counter), mark.Head, p.Proof, p.Key); err != nil {
		return wrong(code, attempt, "the charge is of another ledger than the others were shown: %w", err)
	}
	return nil
}

// ledgers wants every node's ledger to grow from round to round: each has charged.
func (v *verification) ledgers() error {
	for i := 1; i < len(v.out.Rounds); i++ {
		before, now := v.out.Rounds[i-1], v.out.Rounds[i]
		for k := range now.Ledgers {
			if now.Ledgers[k].Counter <= before.Ledgers[k].Counter {
				return wrong(VerifyCharge, now.Attempt, "the ledger of %s did not grow", v.out.Card.Nodes[k].Name)
			}
		}
	}
	return nil
}
