package federated

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"regexp"
	"strings"
)

// Key is an Ed25519 public key, in base64 on the card.
type Key [ed25519.PublicKeySize]byte

// MarshalText writes base64.
func (k Key) MarshalText() ([]byte, error) {
	return []byte(base64.StdEncoding.EncodeToString(k[:])), nil
}

// UnmarshalText reads base64 of 32 bytes.
func (k *Key) UnmarshalText(b []byte) error {
	raw, err := base64.StdEncoding.Strict().DecodeString(string(b))
	if err != nil || len(raw) != len(k) {
		return fmt.Errorf("%w: want an Ed25519 public key in base64", ErrCard)
	}
	copy(k[:], raw)
	return nil
}

// Public is the key as crypto/ed25519 takes it.
func (k Key) Public() ed25519.PublicKey { return ed25519.PublicKey(k[:]) }

// Fingerprint is the SHA-256 of the key in groups of eight hexadecimal digits, to be
// compared by voice or on paper.
func (k Key) Fingerprint() string {
	h := fmt.Sprintf("%x", sha256.Sum256(k[:]))
	var groups []string
	for ; h != ""; h = h[8:] {
		groups = append(groups, h[:8])
	}
	return strings.Join(groups, " ")
}

// KeyOf is the card's form of a public key.
func KeyOf(p ed25519.PublicKey) (k Key) { copy(k[:], p); return k }

// Rho is a cost in units of 1e-12, written as a decimal number.
type Rho int64

// MarshalText writes the shortest decimal.
func (r Rho) MarshalText() ([]byte, error) {
	s := fmt.Sprintf("%d.%012d", int64(r)/1e12, int64(r)%1e12)
	return []byte(strings.TrimSuffix(strings.TrimRight(s, "0"), ".")), nil
}

var decimal = regexp.MustCompile(`^[0-9]{1,6}(\.[0-9]{1,12})?$`)

// UnmarshalText reads a decimal of at most twelve places, exactly.
func (r *Rho) UnmarshalText(b []byte) error {
	x, ok := new(big.Rat).SetString(string(b))
	if !ok || !decimal.Match(b) {
		return fmt.Errorf("%w: want a number of at most twelve decimals", ErrCard)
	}
	*r = Rho(x.Mul(x, big.NewRat(1e12, 1)).Num().Int64())
	return nil
}
