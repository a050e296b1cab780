package federated

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/qunxiang/qunxiang/federated/glm"
	"github.com/qunxiang/qunxiang/federated/journal"
	"github.com/qunxiang/qunxiang/federated/secagg"
)

func sumBytes(sum []int64) []byte {
	b := make([]byte, 0, 8*len(sum))
	for _, v := range sum {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return b
}

func parseSum(b []byte) []int64 {
	sum := make([]int64, len(b)/8)
	for i := range sum {
		sum[i] = int64(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return sum
}

// sumHash is the digest by which the ledger's RELEASE names a sum.
func sumHash(sum []int64) secagg.Hash { return sha256.Sum256(sumBytes(sum)) }

func roundName(r int) string { return fmt.Sprintf("round-%d", r) }

// closeRound makes the round's end durable. Every node has the sum, so the share is
// not needed again.
func (n *Node) closeRound(ctx context.Context, t *try) error {
	if err := n.lineage(ctx); err != nil {
		return err
	}
	if err := n.dir.Put(roundName(n.round), binary.BigEndian.AppendUint64(nil, t.number)); err != nil {
		return err
	}
	if err := n.journal.Finish(n.journal.Highest()); err != nil {
		return err
	}
	n.o.Log(fmt.Sprintf("round %d of %d is closed by attempt %d", n.round+1, n.work.Rounds(), t.number))
	n.results[t.number] = sumHash(t.sum)
	n.drop()
	n.beta, n.past, n.lost = t.next, nil, nil
	n.round++
	if n.round == n.work.Rounds() {
		return n.finish(ctx, t.fit)
	}
	return nil
}

// lineage puts the proofs of charges, burnt ones included, beside the transcripts. Each
// goes on from the one before, so that all are of one log.
func (n *Node) lineage(ctx context.Context) error {
	before, anew := ChargeProof{}, false
	for _, a := range n.journal.Issued() {
		store, err := openFolder(n.o.Dir, attemptName(a))
		if err != nil {
			return err
		}
		b, err := store.Get("charge.json")
		if anew = anew || errors.Is(err, secagg.ErrMissing); anew {
			b, err = n.prove(ctx, a, store, before.Proof.Size)
		}
		if err != nil {
			return err
		}
		before = ChargeProof{}
		if err := strictly(b, &before); err != nil {
			return err
		}
	}
	return nil
}

// prove keeps the proof of an attempt's charge, after one that had so many leaves.
func (n *Node) prove(ctx context.Context, attempt uint64, store folder, before int64) ([]byte, error) {
	shown, err := n.shown(store, n.self)
	if err != nil {
		return nil, err
	}
	p, err := n.o.Books.Proof(ctx, n.job, attempt, shown, before)
	if err != nil {
		return nil, err
	}
	b, err := canonical(p)
	if err != nil {
		return nil, err
	}
	return b, store.Put("charge.json", b)
}

// finish keeps the model, and gives back what the job has set aside and not used.
func (n *Node) finish(ctx context.Context, fit *glm.Fit) error {
	m := model{Job: n.job.String(), Names: names(n.plan), Coefficients: n.beta, Fit: fit}
	for r := range n.round {
		b, err := n.dir.Get(roundName(r))
		if err != nil {
			return err
		}
		m.Attempts = append(m.Attempts, binary.BigEndian.Uint64(b))
	}
	b, err := m.bytes()
	if err != nil {
		return err
	}
	if err := n.dir.Put("model.json", b); err != nil {
		return err
	}
	if err := n.o.Books.CloseJob(ctx, n.job); err != nil {
		return err
	}
	n.done, n.fit, n.data = true, fit, nil
	return nil
}

// replay recomputes the closed rounds from their sums.
func (n *Node) replay(ctx context.Context) error {
	for !n.done {
		b, err := n.dir.Get(roundName(n.round))
		if errors.Is(err, secagg.ErrMissing) {
			return nil
		}
		if err != nil {
			return err
		}
		number := binary.BigEndian.Uint64(b)
		raw, err := folder(n.dir.path(attemptName(number))).Get("sum")
		if err != nil {
			return err
		}
		sum := parseSum(raw)
		next, fit, _, err := advance(n.work, n.round, n.beta, sum)
		if err != nil {
			return err
		}
		if n.journal.Finished() < number {
			if err := n.journal.Finish(n.journal.Highest()); err != nil { // a crash came between
				return err
			}
		}
		n.results[number] = sumHash(sum)
		n.beta = next
		if n.round++; n.round == n.work.Rounds() {
			return n.finish(ctx, fit)
		}
	}
	return nil
}

// resume takes up the shares that were issued in the open round.
func (n *Node) resume() error {
	for _, number := range n.journal.Issued() {
		record, err := n.journal.Record(number)
		if errors.Is(err, journal.ErrNone) {
			continue // its round is closed
		}
		if err != nil {
			return err
		}
		end, err := secagg.Resume(secagg.Options{Params: n.params, Roster: n.roster, Self: n.self, Key: n.o.Key}, record)
		if err != nil {
			return err
		}
		if o := end.Open(); o.Job != n.job || o.Round != uint32(n.round) || o.Model != n.beta.Hash() {
			return fmt.Errorf("%w: the stored share is of another round", ErrOptions)
		}
		store, err := openFolder(n.o.Dir, attemptName(number))
		if err != nil {
			return err
		}
		n.drop()
		n.again = n.o.Now().Add(n.pause())
		n.try = &try{number: number, store: store, end: end, since: n.o.Now()}
		n.owes = true // the coordinator may have been put back meanwhile
		if err := n.share(n.try); err != nil {
			return err
		}
		if err := n.recall(n.try); err != nil || n.stop != "" {
			return err
		}
	}
	return nil
}

// recall gives a crossed attempt what the transcript has of it, and the sum again if
// that is all: a node that has a round's sum makes no other share for it, whatever the
// coordinator serves it after a restart. What does not read, the coordinator may have.
func (n *Node) recall(t *try) error {
	for i := range n.roster.Nodes {
		for k := range n.params.Chunks(n.plan.Cells()) {
			for _, kind := range []secagg.Kind{secagg.C0, secagg.Opened} {
				b, err := t.store.Get(partName(kind, i, k))
				if errors.Is(err, secagg.ErrMissing) {
					continue
				}
				if err != nil {
					return err
				}
				if p, err := n.shape().ParsePart(b); err == nil {
					_ = t.end.ReceivePart(p)
				}
			}
		}
	}
	return n.sumUp(t)
}
