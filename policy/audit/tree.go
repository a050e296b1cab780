package audit

import (
	"crypto/sha256"
	"math/bits"

	"github.com/qunxiang/qunxiang/policy/witness"
)

type hash = [sha256.Size]byte

// frontier is an RFC 6962 tree of which only the perfect subtrees at the right
// edge are kept, one for each bit of its size.
type frontier struct {
	size uint64
	sub  [64]hash
}

func (f *frontier) add(leaf hash) {
	level := bits.TrailingZeros64(^f.size)
	for i := range level {
		leaf = node(f.sub[i], leaf)
	}
	f.sub[level] = leaf
	f.size++
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

type checkpoint struct {
	size int64
	root hash
	seen *witness.Seen
}
