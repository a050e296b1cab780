package secagg

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"

	"github.com/tuneinsight/lattigo/v6/ring"
)

// addFlood adds to every coefficient of x an integer uniform in
// [-2^flood, 2^flood), from the system's random source. A Gaussian whose values
// are multiples of a float's last bit shows the ciphertext noise below its grid
// and with it the secret key; a uniform integer has no grid.
func (p *Params) addFlood(x ring.Poly) error {
	const draw = 16
	buf := make([]byte, draw*p.degree())
	if _, err := rand.Read(buf); err != nil {
		return fmt.Errorf("%w: %v", ErrInternal, err)
	}
	mask := ^uint64(0) >> (128 - (p.flood + 1)) // 64 < flood+1 <= 128
	for c := range p.degree() {
		lo := binary.LittleEndian.Uint64(buf[draw*c:])
		hi := binary.LittleEndian.Uint64(buf[draw*c+8:]) & mask
		for l := range p.tables.primes {
			pt := &p.tables.primes[l]
			v := ring.CRed(x.Coeffs[l][c]+pt.q-pt.floor, pt.q)
			v = ring.CRed(v+ring.MRed(lo, pt.word[0], pt.q, pt.inv), pt.q)
			x.Coeffs[l][c] = ring.CRed(v+ring.MRed(hi, pt.word[1], pt.q, pt.inv), pt.q)
		}
	}
	clear(buf)
	return nil
}
