package secagg

import (
	"encoding/binary"
	"fmt"

	"github.com/tuneinsight/lattigo/v6/ring"
)

const residueMask = 1<<residueBits - 1

// appendPoly packs a ring element: prime by prime, two residues in 15 bytes,
// little endian. Every ring element has exactly one encoding, of length PolyBytes.
func (p *Params) appendPoly(b []byte, x ring.Poly) []byte {
	for _, limb := range x.Coeffs {
		for i := 0; i < len(limb); i += 2 {
			lo, hi := limb[i]|limb[i+1]<<residueBits, limb[i+1]>>(64-residueBits)
			b = binary.LittleEndian.AppendUint64(b, lo)
			b = append(b, byte(hi), byte(hi>>8), byte(hi>>16), byte(hi>>24),
				byte(hi>>32), byte(hi>>40), byte(hi>>48))
		}
	}
	return b
}

// readPoly unpacks a ring element into x. It allocates nothing, and refuses
// another length than PolyBytes and any residue not below its prime.
func (p *Params) readPoly(b []byte, x ring.Poly) error {
	if len(b) != p.PolyBytes() {
		return fmt.Errorf("%w: %d bytes for a ring element of %d", ErrWire, len(b), p.PolyBytes())
	}
	for l, limb := range x.Coeffs {
		q, bad := p.primes[l], false
		for i := 0; i < len(limb); i += 2 {
			lo := binary.LittleEndian.Uint64(b)
			hi := uint64(binary.LittleEndian.Uint32(b[8:])) | uint64(b[12])<<32 |
				uint64(b[13])<<40 | uint64(b[14])<<48
			limb[i], limb[i+1] = lo&residueMask, lo>>residueBits|hi<<(64-residueBits)
			bad = bad || limb[i] >= q || limb[i+1] >= q
			b = b[15:]
		}
		if bad {
			return fmt.Errorf("%w: a residue is not below its prime", ErrWire)
		}
	}
	return nil
}

// addPoly unpacks a ring element and adds it to sum; scratch is overwritten.
func (p *Params) addPoly(b []byte, sum, scratch ring.Poly) error {
	if err := p.readPoly(b, scratch); err != nil {
		return err
	}
	p.ring.Add(sum, scratch, sum)
	return nil
}
