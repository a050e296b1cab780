package witness

import (
	"bytes"
	"crypto/ed25519"
	"math/big"
	"slices"
)

// SoundKey says whether b is an Ed25519 public key in its one spelling (RFC 8032, section
// 5.1.3) and not a point of small order, under which one signature fits every message.
// Whoever takes a key from others, be it a log's, a witness's or an approver's, asks it.
func SoundKey(b []byte) bool {
	if len(b) != ed25519.PublicKeySize {
		return false
	}
	y := bytes.Clone(b)
	y[31] &= 0x7f // the sign of x
	slices.Reverse(y)
	n := new(big.Int).SetBytes(y)
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	eighth, _ := new(big.Int).SetString("5fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826", 16)
	for _, small := range []*big.Int{big.NewInt(0), big.NewInt(1), new(big.Int).Sub(p, big.NewInt(1)), eighth, new(big.Int).Sub(p, eighth)} {
		if n.Cmp(small) == 0 {
			return false
		}
	}
	return n.Cmp(p) < 0
}
