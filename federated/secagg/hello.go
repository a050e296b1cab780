package secagg

import (
	"crypto/ecdh"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
)

// Mark is a point of a node's ledger: how many leaves, and the digest of the last.
type Mark struct {
	Counter uint64
	Head    Hash
}

// hello is the payload of HELLO.
type hello struct {
	nonce     Hash
	pad, seal []byte // X25519 public keys (RFC 7748), fresh for the attempt
	ledger    Mark
}

const helloBytes = 32 + 32 + 32 + 32 + 8

func (h hello) body() []byte {
	b := append([]byte{}, h.nonce[:]...)
	b = append(b, h.pad...)
	b = append(b, h.seal...)
	b = append(b, h.ledger.Head[:]...)
	return binary.BigEndian.AppendUint64(b, h.ledger.Counter)
}

// parseHello reads a payload of helloBytes.
func parseHello(b []byte) hello {
	h := hello{pad: slices.Clone(b[32:64]), seal: slices.Clone(b[64:96])}
	copy(h.nonce[:], b)
	copy(h.ledger.Head[:], b[96:])
	h.ledger.Counter = binary.BigEndian.Uint64(b[128:])
	return h
}

// ephemeral draws the keys and nonce of an attempt.
func ephemeral(ledger Mark) (h hello, pad, seal *ecdh.PrivateKey, err error) {
	if pad, err = ecdh.X25519().GenerateKey(rand.Reader); err == nil {
		seal, err = ecdh.X25519().GenerateKey(rand.Reader)
	}
	if err == nil {
		_, err = rand.Read(h.nonce[:])
	}
	if err != nil {
		return hello{}, nil, nil, fmt.Errorf("%w: %v", ErrInternal, err)
	}
	h.pad, h.seal, h.ledger = pad.PublicKey().Bytes(), seal.PublicKey().Bytes(), ledger
	return h, pad, seal, nil
}

// follows refuses a peer whose ledger is behind, or beside, what it showed before.
func (m Mark) follows(seen Mark) error {
	if m.Counter < seen.Counter || m.Counter == seen.Counter && m.Head != seen.Head {
		return fmt.Errorf("%w: counter %d after %d", ErrRollback, m.Counter, seen.Counter)
	}
	return nil
}

// distinct refuses two equal values.
func distinct[T comparable](what string, values []T) error {
	seen := make(map[T]int, len(values))
	for i, v := range values {
		if j, twice := seen[v]; twice {
			return fmt.Errorf("%w: %s %d and %d", ErrDuplicate, what, j, i)
		}
		seen[v] = i
	}
	return nil
}
