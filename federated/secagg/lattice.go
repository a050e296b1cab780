package secagg

import (
	"crypto/sha3"
	"encoding/binary"
	"fmt"

	"github.com/tuneinsight/lattigo/v6/core/rlwe"
	"github.com/tuneinsight/lattigo/v6/multiparty"
	"github.com/tuneinsight/lattigo/v6/ring"
	"github.com/tuneinsight/lattigo/v6/ring/ringqp"
)

// lattice is one node's lattice state in one attempt.
type lattice struct {
	p      *Params
	a      ring.Poly       // common part of all keys, in the transform domain
	b      ring.Poly       // sum of the key shares seen so far
	secret *rlwe.SecretKey // this node's key; nil once wiped
}

// newLattice draws a fresh secret key. The common part a comes from the context,
// which no single party chooses.
func newLattice(p *Params, ctx Hash) *lattice {
	return &lattice{
		p: p, a: p.expand(ctx), b: p.ring.NewPoly(),
		secret: rlwe.NewKeyGenerator(p.rlwe).GenSecretKeyNew(),
	}
}

// expand makes a uniform ring element from a context by SHAKE256 (FIPS 202) and
// rejection.
func (p *Params) expand(ctx Hash) ring.Poly {
	x := p.ring.NewPoly()
	xof := sha3.NewSHAKE256()
	xof.Write([]byte(protocol + " a"))
	xof.Write(ctx[:])
	buf := make([]byte, 1<<12)
	at := len(buf)
	for l, limb := range x.Coeffs {
		for i := range limb {
			for ok := false; !ok; {
				if at == len(buf) {
					xof.Read(buf)
					at = 0
				}
				limb[i] = binary.LittleEndian.Uint64(buf[at:]) & residueMask
				at += 8
				ok = limb[i] < p.primes[l]
			}
		}
	}
	return x
}

// keyShare is p_i = -a s_i + e_i, packed.
func (l *lattice) keyShare() []byte {
	gen := multiparty.NewPublicKeyGenProtocol(l.p.rlwe)
	share := gen.AllocateShare()
	gen.GenShare(l.secret, multiparty.PublicKeyGenCRP{Value: ringqp.Poly{Q: l.a}}, &share)
	return l.p.appendPoly(make([]byte, 0, l.p.PolyBytes()), share.Value.Q)
}

// encrypt returns the two packed halves of an encryption of the plaintext m
// under the key of all nodes.
func (l *lattice) encrypt(m []uint64) (c0, c1 []byte, err error) {
	pk := rlwe.NewPublicKey(l.p.rlwe)
	pk.Value[0].Q, pk.Value[1].Q = l.b, l.a
	ct := rlwe.NewCiphertext(l.p.rlwe, 1)
	ct.IsNTT = false
	if err := rlwe.NewEncryptor(l.p.rlwe, pk).EncryptZero(ct); err != nil {
		return nil, nil, fmt.Errorf("%w: %v", ErrInternal, err)
	}
	l.p.encode(m, ct.Value[0])
	c0 = l.p.appendPoly(make([]byte, 0, l.p.PolyBytes()), ct.Value[0])
	c1 = l.p.appendPoly(make([]byte, 0, l.p.PolyBytes()), ct.Value[1])
	return c0, c1, nil
}

// share is h_i = C1 s_i + flood, packed. sum is overwritten.
func (l *lattice) share(sum ring.Poly) ([]byte, error) {
	r := l.p.ring
	r.NTT(sum, sum)
	r.MulCoeffsMontgomery(sum, l.secret.Value.Q, sum)
	r.INTT(sum, sum)
	if err := l.p.addFlood(sum); err != nil {
		return nil, err
	}
	return l.p.appendPoly(make([]byte, 0, l.p.PolyBytes()), sum), nil
}

// wipe overwrites the secret key. Copies that the garbage collector or the
// library's buffers made may outlive it.
func (l *lattice) wipe() {
	if l == nil || l.secret == nil {
		return
	}
	for _, limb := range l.secret.Value.Q.Coeffs {
		clear(limb)
	}
	l.secret = nil
}
