package secagg

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// protocol is the version that every hash, signature and derived key is bound to.
const protocol = "qx-fl/1"

// Hash is a SHA-256 digest (FIPS 180-4).
type Hash [sha256.Size]byte

// String is the digest in hexadecimal.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// hash digests a label and parts, each preceded by its length, so that no two
// different lists have the same input.
func hash(label string, parts ...[]byte) Hash {
	d := sha256.New()
	write := func(b []byte) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		d.Write(n[:])
		d.Write(b)
	}
	write([]byte(protocol))
	write([]byte(label))
	for _, p := range parts {
		write(p)
	}
	var h Hash
	d.Sum(h[:0])
	return h
}

// hashAll digests a list of digests in order.
func hashAll(label string, head Hash, list []Hash) Hash {
	b := make([]byte, 0, len(list)*len(head))
	for _, h := range list {
		b = append(b, h[:]...)
	}
	return hash(label, head[:], b)
}

// place is the encoding of a node and a chunk inside a hash.
func place(node, chunk int) []byte {
	var b [8]byte
	binary.BigEndian.PutUint32(b[:4], uint32(node))
	binary.BigEndian.PutUint32(b[4:], uint32(chunk))
	return b[:]
}

// commitKey binds a node to its key share (phase KEYCOM), by the payload digest
// of the KEYOPEN that shows it: share and blind. The node's place is inside, so
// that a copied commitment opens for nobody else.
func commitKey(ctx Hash, node int, keyOpen Hash) Hash {
	return hash("key", ctx[:], place(node, 0), keyOpen[:])
}

// commitPart binds a node to one half of a ciphertext (CTCOM) or to a decryption
// share (CONFIRM).
func commitPart(ctx Hash, kind Kind, node, chunk int, b []byte) Hash {
	return hash("part", ctx[:], []byte{byte(kind)}, place(node, chunk), b)
}
