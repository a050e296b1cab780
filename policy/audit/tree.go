package audit

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"math/bits"
	"slices"

	"github.com/qunxiang/qunxiang/policy/witness"
)

type hash = [sha256.Size]byte

// frontier is an RFC 6962 tree of which only the perfect subtrees at the right
// edge are kept, one for each bit of its size.
type frontier struct {
	size uint64
	sub  [64]hash
}

func (f *frontier) add(leaf hash) { f.join(leaf, 0) }

// join adds a leaf, of which the largest perfect subtree that is known and ends with it has
// so many levels above leaves.
func (f *frontier) join(top hash, from int) {
	level := bits.TrailingZeros64(^f.size)
	for i := from; i < level; i++ {
		top = node(f.sub[i], top)
	}
	f.sub[level] = top
	f.size++
}

// within is how many levels the largest perfect subtree has that ends with a leaf of a run
// of leaves and does not begin before the run.
func within(first int64, leaf int) int {
	return min(bits.TrailingZeros64(uint64(first)+uint64(leaf)+1), bits.Len(uint(leaf)+1)-1)
}

// subtrees hashes what of the tree lies within a run of leaves: for each leaf the largest
// perfect subtree that ends with it. What the runs have in common is left to join.
func subtrees(first int64, leaves, tops []hash) {
	var sub [64]hash
	for i, top := range leaves {
		level := within(first, i)
		for j := range level {
			top = node(sub[j], top)
		}
		sub[level], tops[i] = top, top
	}
}

func (f *frontier) root() hash {
	if f.size == 0 {
		return sha256.Sum256(nil)
	}
	low := bits.TrailingZeros64(f.size)
	root := f.sub[low]
	for i := low + 1; i < 64; i++ {
		if f.size>>i&1 == 1 {
			root = node(f.sub[i], root)
		}
	}
	return root
}

func node(left, right hash) hash {
	var b [1 + 2*sha256.Size]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[1+sha256.Size:], right[:])
	return sha256.Sum256(b[:])
}

// look is what an AUDIT says it looked at: leaves by number and root.
type look struct {
	at, leaves int64
	root       string
}

// looked holds the roots of AUDIT leaves to those of the log, whose leaves have the hashes.
func looked(r *Report, looks []look, leaves []hash) {
	var tree frontier
	slices.SortFunc(looks, func(a, b look) int { return cmp.Compare(a.leaves, b.leaves) })
	for _, l := range looks {
		for tree.size < uint64(min(l.leaves, int64(len(leaves)))) {
			tree.add(leaves[tree.size])
		}
		if root := tree.root(); l.leaves <= l.at && hex.EncodeToString(root[:]) != l.root {
			r.find(AuditInvalid, l.at, "%s is not the root of the first %d leaves", l.root, l.leaves)
		}
	}
}

type checkpoint struct {
	size int64
	root hash
	seen *witness.Seen
}
