package secagg

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// checkValue is the number every node puts into the last slot of a chunk. It
// depends on the context, so that nothing made for another attempt fits.
func (p *Params) checkValue(ctx Hash, chunk, nodes int) int64 {
	h := hash("check", ctx[:], place(0, chunk))
	return int64(binary.BigEndian.Uint64(h[:8])>>1)%p.MaxAbs(nodes) + 1
}

// pack writes a chunk's values, zeros and the check value as plaintext words. In
// set V every number is offset by MaxAbs so that digits never borrow or carry.
func (p *Params) pack(values []int64, check int64, nodes int, m []uint64) error {
	limit := p.MaxAbs(nodes)
	clear(m)
	for i := range p.Capacity() + 1 {
		v := int64(0)
		switch {
		case i < len(values):
			v = values[i]
		case i == p.Capacity():
			v = check
		}
		if v > limit || v < -limit {
			return fmt.Errorf("%w: the value at %d is beyond %d", ErrRange, i, limit)
		}
		if p.digits > 1 {
			v += limit
		}
		p.putDigit(m, i, uint64(v))
	}
	return nil
}

// putDigit ors v mod 2^width into number i.
func (p *Params) putDigit(m []uint64, i int, v uint64) {
	v &= 1<<p.width - 1
	w := p.tables.words
	at := i % p.digits * p.width
	m = m[i/p.digits*w:][:w]
	m[at/64] |= v << (at % 64)
	if at%64+p.width > 64 {
		m[at/64+1] |= v >> (64 - at%64)
	}
}

// unpack reads the sums back into values and checks the check slot (nodes times
// the check value) and that all spare slots are zero.
func (p *Params) unpack(m []uint64, check int64, nodes int, values []int64) error {
	w, offset := p.tables.words, int64(0)
	if p.digits > 1 {
		offset = int64(nodes) * p.MaxAbs(nodes)
	}
	for i := range p.Capacity() + 1 {
		at := i % p.digits * p.width
		v := int64(wordAt(m[i/p.digits*w:][:w], at) & (1<<p.width - 1))
		if p.digits == 1 { // two's complement in width bits
			v = v << (64 - p.width) >> (64 - p.width)
		}
		v -= offset
		switch {
		case i < len(values):
			values[i] = v
		case i == p.Capacity() && v != int64(nodes)*check:
			return fmt.Errorf("%w: check slot", ErrSpoiled)
		case i < p.Capacity() && v != 0:
			return fmt.Errorf("%w: a spare slot is not zero", ErrSpoiled)
		}
	}
	return nil
}

// addPad adds the pad of one pair of nodes to the plaintext of a chunk, or
// subtracts it, modulo 2^logT. One node of the pair adds, the other subtracts, so
// that pads vanish from the sum and from nothing else.
func (p *Params) addPad(key Hash, chunk int, subtract bool, m []uint64) error {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return fmt.Errorf("%w: %v", ErrInternal, err)
	}
	var iv [aes.BlockSize]byte
	binary.BigEndian.PutUint32(iv[:], uint32(chunk))
	stream := cipher.NewCTR(block, iv[:])
	w := p.tables.words
	buf := make([]byte, 1<<13) // a whole number of coefficients
	for len(m) > 0 {
		part := m[:min(len(m), len(buf)/8)]
		clear(buf)
		stream.XORKeyStream(buf, buf)
		for c := 0; c < len(part); c += w {
			var carry uint64
			for j := range w {
				k := binary.LittleEndian.Uint64(buf[8*(c+j):])
				if subtract {
					part[c+j], carry = bits.Sub64(part[c+j], k, carry)
				} else {
					part[c+j], carry = bits.Add64(part[c+j], k, carry)
				}
			}
			part[c+w-1] &= p.tables.topMask
		}
		m = m[len(part):]
	}
	return nil
}
