package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/qunxiang/qunxiang/api"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// inPlace is what a policy that waits takes the place of, and how that is known; empty for
// all else.
type inPlace struct {
	old api.Proposal
	how string
}

// placeOf finds the policy whose place one that waits takes, and holds what the server says
// of it against the published log: its leaf is where the server says, is the policy that is
// shown, and is under the checkpoint, which pinned keys have signed where there is a file of
// them. Only a leaf that no checkpoint covers yet, as where the witnesses are away, is
// believed, and that is said.
func placeOf(log fs.FS, list api.ProposalList, p api.Proposal, pinned string) (in inPlace, err error) {
	if p.Replaces == "" {
		return in, nil
	}
	if in.old, err = replaced(p, list.Proposals); err != nil {
		return in, err
	}
	tree, err := publishedTree(log, list.Population, pinned)
	if err == nil && in.old.Since.Leaf >= tree.N {
		in.how = fmt.Sprintf("NOT PROVEN: the checkpoint is over %d leaves, and its place in the log is the server's word", tree.N)
		return in, nil
	}
	if err == nil {
		err = provenPolicy(log, tree, in.old)
	}
	if err != nil {
		return in, fmt.Errorf("the policy in force is not proven by the published log: %w; nothing was signed", err)
	}
	in.how = fmt.Sprintf("its leaf is under the checkpoint of %d leaves", tree.N)
	if pinned == "" {
		in.how += ", whose signatures --policy would hold against pinned keys"
	}
	return in, nil
}

// provenPolicy wants the policy in force that is shown to be the leaf that is said to have
// put it there.
func provenPolicy(log fs.FS, tree tlog.Tree, old api.Proposal) error {
	raw, err := publishedLeaf(log, tree, old.Since.Leaf)
	if err != nil {
		return err
	}
	leaf, err := ledger.Decode(raw)
	if err != nil {
		return err
	}
	g, isPolicy := leaf.Body.(*ledger.Grant)
	if !isPolicy {
		return fmt.Errorf("leaf %d is a %s", old.Since.Leaf, leaf.Body.Type())
	}
	digest, err := ledger.ContentDigest(g)
	switch {
	case err != nil:
		return err
	case digest != old.Digest:
		return fmt.Errorf("leaf %d is the policy %s", old.Since.Leaf, digest)
	case !leaf.Time.Equal(old.Since.Time):
		return fmt.Errorf("leaf %d is of %s", old.Since.Leaf, leaf.Time)
	}
	return nil
}

// publishedLeaf is a leaf of a tree, by its bundle of entries, held against the tree by its
// tiles (RFC 6962, section 2.1.1).
func publishedLeaf(log fs.FS, tree tlog.Tree, index int64) ([]byte, error) {
	const height, width = 8, 1 << 8
	t := tlog.Tile{H: height, N: index / width, W: int(min(width, tree.N-index/width*width))}
	bundle, err := fs.ReadFile(log, "tile/entries/"+strings.TrimPrefix(t.Path(), "tile/8/0/"))
	if err != nil {
		return nil, err
	}
	var raw []byte
	for range index%width + 1 {
		if len(bundle) < 2 || len(bundle)-2 < int(binary.BigEndian.Uint16(bundle)) {
			return nil, errors.New("its bundle of entries is short")
		}
		end := 2 + int(binary.BigEndian.Uint16(bundle))
		raw, bundle = bundle[2:end], bundle[end:]
	}
	hashes, err := tlog.TileHashReader(tree, tileFiles{log}).ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
	if err != nil {
		return nil, err
	}
	if hashes[0] != tlog.RecordHash(raw) {
		return nil, fmt.Errorf("leaf %d is not the one under the checkpoint", index)
	}
	return raw, nil
}
