package secagg

import (
	"crypto/mlkem"
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
	nonce   Hash
	dh, kem []byte // public keys, fresh for the attempt: X25519, and ML-KEM-768 to encapsulate to
	ledger  Mark
}

const helloBytes = 32 + 32 + mlkem.EncapsulationKeySize768 + 32 + 8

func (h hello) body() []byte {
	b := append([]byte{}, h.nonce[:]...)
	b = append(b, h.dh...)
	b = append(b, h.kem...)
	b = append(b, h.ledger.Head[:]...)
	return binary.BigEndian.AppendUint64(b, h.ledger.Counter)
}

// parseHello reads a payload of helloBytes.
func parseHello(b []byte) hello {
	const at = 64 + mlkem.EncapsulationKeySize768
	h := hello{dh: slices.Clone(b[32:64]), kem: slices.Clone(b[64:at])}
	copy(h.nonce[:], b)
	copy(h.ledger.Head[:], b[at:])
	h.ledger.Counter = binary.BigEndian.Uint64(b[at+32:])
	return h
}

// HelloMark is what a HELLO says of its sender's ledger; ErrOrder for another message,
// ErrWire for one of the wrong length. It checks no signature.
func HelloMark(m Message) (Mark, error) {
	switch {
	case m.Phase != PhaseHello:
		return Mark{}, fmt.Errorf("%w: %v is no HELLO", ErrOrder, m.Phase)
	case len(m.Body) != helloBytes:
		return Mark{}, fmt.Errorf("%w: HELLO of %d bytes", ErrWire, len(m.Body))
	}
	return parseHello(m.Body).ledger, nil
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
