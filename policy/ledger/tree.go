package ledger

import (
	"fmt"

	"golang.org/x/mod/sumdb/tlog"
)

// tree holds the stored hashes of the log (64 bytes a leaf). It only grows, so
// that a copy of the slice stays right.
type tree []tlog.Hash

// ReadHashes gives stored hashes by index.
func (t tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		if x < 0 || x >= int64(len(t)) {
			return nil, fmt.Errorf("%w: hash %d", ErrUnknown, x)
		}
		out[i] = t[x]
	}
	return out, nil
}

func (t tree) with(index int64, leaf []byte) (tree, error) {
	hashes, err := tlog.StoredHashes(index, leaf, t)
	if err != nil {
		return nil, err
	}
	return append(t, hashes...), nil
}

func (t tree) at(size int64) (tlog.Tree, error) {
	root, err := tlog.TreeHash(size, t)
	return tlog.Tree{N: size, Hash: root}, err
}
