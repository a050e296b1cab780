// Package siphash is SipHash-2-4 (Aumasson and Bernstein, 2012), the keyed hash
// that decides which groups, rows and positions of a person are kept.
package siphash

import (
	"encoding/binary"
	"math/bits"
)

// Key is the 128-bit secret as two little-endian words.
type Key [2]uint64

// NewKey reads a key from its 16 bytes.
func NewKey(b [16]byte) Key {
	return Key{binary.LittleEndian.Uint64(b[:8]), binary.LittleEndian.Uint64(b[8:])}
}

// State is a hash under way. It is a value: keeping a copy keeps the prefix, so
// that many hashes that begin alike share the work.
type State struct {
	v0, v1, v2, v3 uint64
	n              uint64 // bytes so far
}

// New begins a hash under the key.
func New(k Key) State {
	return State{
		v0: k[0] ^ 0x736f6d6570736575,
		v1: k[1] ^ 0x646f72616e646f6d,
		v2: k[0] ^ 0x6c7967656e657261,
		v3: k[1] ^ 0x7465646279746573,
	}
}

// Word appends eight bytes, little-endian.
func (s State) Word(m uint64) State {
	v0, v1, v2, v3 := s.v0, s.v1, s.v2, s.v3^m
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	return State{v0 ^ m, v1, v2, v3, s.n + 8}
}

// Sum ends a hash whose input was whole words.
func (s State) Sum() uint64 {
	return finish(s.v0, s.v1, s.v2, s.v3, s.n<<56)
}

// SumWord is Word(m).Sum() without the detour over a State.
func (s *State) SumWord(m uint64) uint64 {
	v0, v1, v2, v3 := s.v0, s.v1, s.v2, s.v3^m
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	return finish(v0^m, v1, v2, v3, (s.n+8)<<56)
}

// Bytes hashes b under the key.
func Bytes(k Key, b []byte) uint64 {
	s := New(k)
	for len(b) >= 8 {
		s = s.Word(binary.LittleEndian.Uint64(b))
		b = b[8:]
	}
	var tail uint64
	for i, c := range b {
		tail |= uint64(c) << (8 * i)
	}
	s.n += uint64(len(b))
	return finish(s.v0, s.v1, s.v2, s.v3, s.n<<56|tail)
}

// finish takes the last block, the length above the bytes that are left.
func finish(v0, v1, v2, v3, last uint64) uint64 {
	v3 ^= last
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v2 = v0^last, v2^0xff
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	v0, v1, v2, v3 = round(v0, v1, v2, v3)
	return v0 ^ v1 ^ v2 ^ v3
}

func round(v0, v1, v2, v3 uint64) (uint64, uint64, uint64, uint64) {
	v0 += v1
	v1 = bits.RotateLeft64(v1, 13) ^ v0
	v0 = bits.RotateLeft64(v0, 32)
	v2 += v3
	v3 = bits.RotateLeft64(v3, 16) ^ v2
	v0 += v3
	v3 = bits.RotateLeft64(v3, 21) ^ v0
	v2 += v1
	v1 = bits.RotateLeft64(v1, 17) ^ v2
	v2 = bits.RotateLeft64(v2, 32)
	return v0, v1, v2, v3
}
