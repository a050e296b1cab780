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

// inPlace is where a policy stands in the log: it is in force itself, or waits and takes the
// place of one; nothing for all that is no policy.
type inPlace struct {
	old      *api.Proposal // what one that waits takes the place of
	how      string        // how the place is known
	unproven bool          // by the server's word alone
}

// placeOf finds the place of a policy and holds it against the published log. What is to be
// proven its own leaf says, which is what is signed, and no other word of the server's: one
// that is not said to be in force takes the place of a leaf, and that must be the policy it
// is shown with; one that is said to be in force must be that very leaf. Either leaf is
// under the checkpoint, which pinned keys have signed where there is a file of them. A leaf
// that no checkpoint covers yet, as where the witnesses are away, is NOT PROVEN.
func placeOf(log fs.FS, list api.ProposalList, p api.Proposal, pinned string) (in inPlace, err error) {
	if in.old, err = replaced(p, list.Proposals); err != nil {
		return in, err
	}
	known := p
	switch {
	case in.old != nil:
		known = *in.old
	case p.Subject != ledger.SubjectGrant:
		return in, nil
	}
	tree, err := publishedTree(log, list.Population, pinned)
	if err == nil && known.Since.Leaf >= tree.N {
		in.unproven = true
		in.how = fmt.Sprintf("NOT PROVEN: the checkpoint is over %d leaves, and that leaf %d is the policy in force is the server's word", tree.N, known.Since.Leaf)
		return in, nil
	}
	if err == nil {
		err = provenPolicy(log, tree, known)
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

// believed is the place of a policy whose approval is taken back, for which nothing has to
// be proven.
func believed(list api.ProposalList, p api.Proposal) (in inPlace, err error) {
	if in.old, err = replaced(p, list.Proposals); err == nil && p.Subject == ledger.SubjectGrant {
		in.how = "NOT PROVEN: the server's word, which an approval is taken back without"
	}
	return in, err
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
