package secagg

import (
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
)

// secrets are a node's ephemeral keys of one attempt. The standard library gives
// no way to overwrite them: they are dropped as soon as all pairs have their keys.
type secrets struct {
	dh  *ecdh.PrivateKey           // X25519 (RFC 7748)
	kem *mlkem.DecapsulationKey768 // ML-KEM-768 (FIPS 203)
}

// pair is what two nodes have in common in one attempt, as one of them sees it.
type pair struct {
	pad      Hash // the same at both ends
	to, from Hash // wrap the key of the own share for the peer, and the peer's for this node
}

// ephemeral draws the keys and nonce of an attempt.
func ephemeral(ledger Mark) (h hello, s *secrets, err error) {
	s = &secrets{}
	if s.dh, err = ecdh.X25519().GenerateKey(rand.Reader); err == nil {
		s.kem, err = mlkem.GenerateKey768()
	}
	if err == nil {
		_, err = rand.Read(h.nonce[:])
	}
	if err != nil {
		return hello{}, nil, fmt.Errorf("%w: %v", ErrInternal, err)
	}
	h.dh, h.kem, h.ledger = s.dh.PublicKey().Bytes(), s.kem.EncapsulationKey().Bytes(), ledger
	return h, s, nil
}

// offer makes the pair of this node and one at a higher place, and the ML-KEM
// ciphertext that lets the other make it too. It is drawn anew by every call.
func (s *secrets) offer(peer hello, ctx Hash, self, other int) (ciphertext []byte, p pair, err error) {
	ek, err := encapsulationKey(peer.kem)
	if err != nil {
		return nil, pair{}, err
	}
	kem, ciphertext := ek.Encapsulate()
	p, err = s.combine(kem, ciphertext, peer, ctx, self, other)
	return ciphertext, p, err
}

// accept makes the pair of this node and one at a lower place from that node's
// ciphertext. One that was not made for this node's key gives another pair than
// the sender's and no error (FIPS 203, implicit rejection).
func (s *secrets) accept(ciphertext []byte, peer hello, ctx Hash, self, other int) (pair, error) {
	kem, err := s.kem.Decapsulate(ciphertext)
	if err != nil {
		return pair{}, fmt.Errorf("%w: %v", ErrWire, err)
	}
	return s.combine(kem, ciphertext, peer, ctx, self, other)
}

// encapsulationKey reads a public key and refuses one with a coefficient that is
// not reduced (FIPS 203, section 7.2).
func encapsulationKey(b []byte) (*mlkem.EncapsulationKey768, error) {
	ek, err := mlkem.NewEncapsulationKey768(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrWire, err)
	}
	return ek, nil
}

// combine adds the X25519 exchange to the ML-KEM one. It clears the ML-KEM secret.
func (s *secrets) combine(kem, ciphertext []byte, peer hello, ctx Hash, self, other int) (pair, error) {
	pub, err := ecdh.X25519().NewPublicKey(peer.dh)
	if err != nil {
		return pair{}, fmt.Errorf("%w: %v", ErrWire, err)
	}
	dh, err := s.dh.ECDH(pub) // refuses points of low order
	if err != nil {
		return pair{}, fmt.Errorf("%w: %v", ErrWire, err)
	}
	return pairKeys(kem, dh, ciphertext, ctx, self, other)
}

// pairKeys derives a pair's keys by HKDF-SHA256 (RFC 5869) from both shared
// secrets, which it clears: to know a key one must know both. The ML-KEM secret
// comes first, as in [KKSW] and as NIST SP 800-56C asks. The salt is the context,
// hence all public keys; every key's label has the purpose, both places and the
// ciphertext, so that, as in X-Wing [BCD+24], nothing of the exchange can be
// changed or moved without changing the keys.
func pairKeys(kem, dh, ciphertext []byte, ctx Hash, self, other int) (p pair, err error) {
	both := append(append(make([]byte, 0, len(kem)+len(dh)), kem...), dh...)
	prk, err := hkdf.Extract(sha256.New, both, ctx[:])
	for _, b := range [][]byte{kem, dh, both} {
		clear(b)
	}
	if err != nil {
		return pair{}, fmt.Errorf("%w: %v", ErrInternal, err)
	}
	defer clear(prk)
	bound := sha256.Sum256(ciphertext)
	for _, k := range []struct {
		key      *Hash
		purpose  string
		from, to int
	}{
		{&p.pad, "pad", min(self, other), max(self, other)},
		{&p.to, "wrap", self, other}, {&p.from, "wrap", other, self},
	} {
		info := protocol + " " + k.purpose + string(place(k.from, k.to)) + string(bound[:])
		b, err := hkdf.Expand(sha256.New, prk, info, len(k.key))
		if err != nil {
			return pair{}, fmt.Errorf("%w: %v", ErrInternal, err)
		}
		copy(k.key[:], b)
		clear(b)
	}
	return p, nil
}
