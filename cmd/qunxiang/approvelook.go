package main

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/policy/witness"
)

// checkLook computes the root of the leaves whose noise is to be looked at from the
// published log: an approval is for just these leaves.
func (s *signing) checkLook(log fs.FS, population string, p api.Proposal) error {
	body, err := ledger.DecodeContent(p.Leaf)
	if err != nil {
		return err
	}
	look := body.(*ledger.Audit) // checkProposal has seen to it
	root, err := publishedRoot(log, population, look.Leaves, s.policy)
	if err != nil {
		return fmt.Errorf("the root of %d leaves cannot be computed from the published log: %w; nothing was signed", look.Leaves, err)
	}
	if hex.EncodeToString(root[:]) != p.Digest {
		return fmt.Errorf("the first %d leaves of the published log have the root %x, not %s; nothing was signed", look.Leaves, root[:], p.Digest)
	}
	return nil
}

// publishedRoot is the root of a log's first leaves, by its tiles, which are held against
// the checkpoint.
func publishedRoot(log fs.FS, population string, leaves int64, pinned string) (root tlog.Hash, err error) {
	tree, err := publishedTree(log, population, pinned)
	switch {
	case err != nil:
		return root, err
	case leaves < 1 || leaves > tree.N:
		return root, fmt.Errorf("%w: its checkpoint is over %d", ledger.ErrUnknown, tree.N)
	}
	return tlog.TreeHash(leaves, tlog.TileHashReader(tree, tileFiles{log}))
}

// publishedTree is what a log's checkpoint says, which is held against the pinned keys where
// there is a file of them.
func publishedTree(log fs.FS, population, pinned string) (tree tlog.Tree, err error) {
	text, err := fs.ReadFile(log, "checkpoint")
	if err != nil {
		return tree, err
	}
	body, _, _ := strings.Cut(string(text), "\n\n")
	c, err := witness.ParseCheckpoint(body + "\n")
	switch {
	case err != nil:
		return tree, err
	case c.Origin != population:
		return tree, fmt.Errorf("it is the log of %s", c.Origin)
	}
	if pinned != "" {
		keys, err := os.ReadFile(pinned)
		if err != nil {
			return tree, err
		}
		trust, err := witness.ParseTrust(keys)
		if err != nil {
			return tree, fmt.Errorf("%s: %w", pinned, err)
		}
		if _, err := audit.Follow(trust, log, time.Now()).Open(text, time.Now()); err != nil {
			return tree, err
		}
	}
	return tlog.Tree{N: c.Size, Hash: c.Root}, nil
}

// tileFiles reads tiles by the names of C2SP tlog-tiles.
type tileFiles struct{ fs.FS }

func (tileFiles) Height() int { return 8 }

func (t tileFiles) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	out := make([][]byte, len(tiles))
	for i, tile := range tiles {
		name := "tile/" + strings.TrimPrefix(tile.Path(), "tile/8/")
		b, err := fs.ReadFile(t, name)
		if err != nil {
			return nil, err
		}
		out[i] = b
	}
	return out, nil
}

func (tileFiles) SaveTiles([]tlog.Tile, [][]byte) {}

// checkOptOuts holds a list that waits against the one that the approver has.
func checkOptOuts(population, file string, revoke bool, p api.Proposal) error {
	text := string(p.Leaf)
	switch {
	case file == "" && revoke:
		return nil
	case file == "":
		return errors.New("give --list, the identifiers of those who asked to be left out, for this list to be held against; nothing was signed")
	case optOutMember(text, "population") != population: // the rest checkProposal has seen to
		return errors.New("the digest is not that of what is shown; nothing was signed")
	}
	ids, err := readLines(file)
	if err != nil {
		return err
	}
	if optOutDigest(population, optOutMember(text, "salt"), ids) != optOutMember(text, "list") {
		return fmt.Errorf("the list that waits is not the one in %s; nothing was signed", file)
	}
	return nil
}
