package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/qunxiang/qunxiang/policy/ledger"
	witnesses "github.com/qunxiang/qunxiang/policy/witness"
)

// notary is a witness on another machine: it cosigns what goes on with what it knows, and
// forgets nothing. It may be away, and its answer may be lost on the way back.
type notary struct {
	*witnesses.Cosigner
	clock  *clock // of the estate: the notary's goes with it
	log    note.Verifier
	size   int64
	root   tlog.Hash
	newest []byte
	away   bool
	lost   bool // the next answer
	told   bool // the ledger has asked it in vain since it last cosigned
}

func newNotary(c *clock) (*notary, error) {
	log, err := note.NewVerifier(ledgerKey)
	if err != nil {
		return nil, err
	}
	n := &notary{log: log}
	return n, n.at(c)
}

// at makes the notary's clock go with another.
func (n *notary) at(c *clock) (err error) {
	n.clock = c
	n.Cosigner, err = cosignerOf("notary.example", func() time.Time { return n.clock.now() })
	return err
}

var errAway = errors.New("unplugged")

// read checks a checkpoint by the log's key and says whether it is cosigned.
func (n *notary) read(text []byte) (c witnesses.Checkpoint, cosigned bool, err error) {
	opened, err := note.Open(text, note.VerifierList(n.log, n.Verifier()))
	if err != nil {
		return c, false, err
	}
	for _, s := range opened.Sigs {
		cosigned = cosigned || s.Name == n.Name()
	}
	c, err = witnesses.ParseCheckpoint(opened.Text)
	return c, cosigned, err
}

// Cosign is ledger.Witness's.
func (n *notary) Cosign(_ context.Context, _ ledger.Witnesses, text []byte, prove ledger.Prover) ([]byte, error) {
	n.told = n.away || n.lost
	if n.away {
		return nil, errAway
	}
	opened, err := note.Open(text, note.VerifierList(n.log))
	if err != nil {
		return nil, err
	}
	c, err := witnesses.ParseCheckpoint(opened.Text)
	if err != nil {
		return nil, err
	}
	if err := n.follows(c, prove); err != nil {
		return nil, err
	}
	signed, err := note.Sign(opened, n)
	if err != nil {
		return nil, err
	}
	n.size, n.root, n.newest = c.Size, c.Root, signed
	if n.lost {
		n.lost = false
		return nil, errAway
	}
	return signed, nil
}

// follows says whether a checkpoint goes on with the newest.
func (n *notary) follows(c witnesses.Checkpoint, prove ledger.Prover) error {
	if n.newest == nil {
		return nil
	}
	if c.Size < n.size || c.Size == n.size && c.Root != n.root {
		return fmt.Errorf("%w: %d leaves, it knows %d", ledger.ErrRolledBack, c.Size, n.size)
	}
	if n.size == 0 || c.Size == n.size {
		return nil
	}
	proof, err := prove(ctx, n.size, c.Size)
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(proof, c.Size, c.Root, n.size, n.root); err != nil {
		return fmt.Errorf("%w: %w", ledger.ErrRolledBack, err)
	}
	return nil
}

// Newest is ledger.Witness's.
func (n *notary) Newest(context.Context, ledger.Witnesses) ([][]byte, error) {
	if n.away {
		return nil, errAway
	}
	if n.newest == nil {
		return nil, nil
	}
	return [][]byte{n.newest}, nil
}
