package audit

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"math/bits"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
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
}

// openCheckpoint checks the signature, and that the checkpoint is of the log
// that the key is named after. Its error completes "the checkpoint ...".
func openCheckpoint(text []byte, key note.Verifier) (*checkpoint, error) {
	n, err := note.Open(text, note.VerifierList(key))
	if err != nil {
		return nil, errors.New("is not signed by the key")
	}
	for _, sig := range n.Sigs { // note takes a signature's last bits as they come
		if _, err := base64.StdEncoding.Strict().DecodeString(sig.Base64); err != nil {
			return nil, errors.New("has a signature in another spelling")
		}
	}
	lines := strings.Split(n.Text, "\n")
	if len(lines) != 4 || lines[0] != key.Name() {
		return nil, errors.New("is of another log")
	}
	size, err := strconv.ParseUint(lines[1], 10, 63)
	if err != nil || strconv.FormatUint(size, 10) != lines[1] {
		return nil, errors.New("has no size")
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != sha256.Size {
		return nil, errors.New("has no root hash")
	}
	return &checkpoint{size: int64(size), root: hash(root)}, nil
}
