package secagg

import (
	"encoding/binary"
	"fmt"
)

// Kind tells what a part is.
type Kind uint8

// The kinds of parts.
const (
	C0     Kind = iota // first half of a ciphertext: from a node to all, after the barrier
	C1                 // second half of a ciphertext: to all before the barrier
	Sealed             // a decryption share, sealed to the nodes; hashed in SHARE
	Opened             // a decryption share opened by a node, for transcripts
	kinds  = int(Opened) + 1
)

// Part is one ring element of one node and chunk. Parts carry no signature: each
// must open a hash that its node signed, in CTCOM (C0, C1), CONFIRM (Opened) or
// SHARE (Sealed).
type Part struct {
	Kind  Kind
	Node  int
	Chunk int
	Body  []byte
}

const partHead = 1 + 2 + 2

// Append appends the wire form: kind (1 byte), node (2, big endian), chunk (2),
// body.
func (p Part) Append(b []byte) []byte {
	b = append(b, byte(p.Kind))
	b = binary.BigEndian.AppendUint16(b, uint16(p.Node))
	b = binary.BigEndian.AppendUint16(b, uint16(p.Chunk))
	return append(b, p.Body...)
}

// PartBytes is the exact body length of a kind of part, or -1.
func (s Shape) PartBytes(k Kind) int {
	switch k {
	case C0, C1, Opened:
		return s.Params.PolyBytes()
	case Sealed:
		return s.Params.PolyBytes() + sealTag
	}
	return -1
}

// ParsePart reads a part of exactly the right length, from a node on the roster
// and a chunk of the vector. The body is a view of b; it is not yet proven to be
// anything.
func (s Shape) ParsePart(b []byte) (Part, error) {
	if len(b) < partHead {
		return Part{}, fmt.Errorf("%w: %d bytes", ErrWire, len(b))
	}
	p := Part{
		Kind: Kind(b[0]), Node: int(binary.BigEndian.Uint16(b[1:])),
		Chunk: int(binary.BigEndian.Uint16(b[3:])), Body: b[partHead:],
	}
	return p, s.checkPart(p)
}

// Traffic is how many bytes one node sends in an attempt and how many it fetches,
// without what the transport adds.
func (s Shape) Traffic() (up, down int) {
	chunks := s.Params.Chunks(s.Length)
	for f := PhaseHello; f <= PhaseResult; f++ {
		up += headBytes + s.BodyBytes(f)
	}
	for k := C0; k <= Sealed; k++ {
		up += chunks * (partHead + s.PartBytes(k))
	}
	own := chunks * (partHead + s.PartBytes(C0))
	return up, headBytes + openBytes + (s.Nodes-1)*up + own
}

func (s Shape) checkPart(p Part) error {
	if p.Node < 0 || p.Node >= s.Nodes {
		return fmt.Errorf("%w: node %d of %d", ErrRoster, p.Node, s.Nodes)
	}
	if p.Chunk < 0 || p.Chunk >= s.Params.Chunks(s.Length) || len(p.Body) != s.PartBytes(p.Kind) {
		return fmt.Errorf("%w: part %d of %d bytes, chunk %d", ErrWire, p.Kind, len(p.Body), p.Chunk)
	}
	return nil
}
