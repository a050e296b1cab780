package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"
)

// However the leaves are cut into runs, the tree is the one that is built leaf by leaf, at
// every size.
func TestSubtrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var slow, fast frontier
		for range rapid.IntRange(1, 8).Draw(t, "runs") {
			leaves := make([]hash, rapid.IntRange(0, 80).Draw(t, "leaves"))
			tops, first := make([]hash, len(leaves)), int64(fast.size)
			for i := range leaves {
				leaves[i] = sha256.Sum256(binary.BigEndian.AppendUint64(nil, fast.size+uint64(i)))
			}
			subtrees(first, leaves, tops)
			for i, leaf := range leaves {
				slow.add(leaf)
				fast.join(tops[i], within(first, i))
				if slow.root() != fast.root() {
					t.Fatalf("another root of %d leaves", slow.size)
				}
			}
		}
	})
}
