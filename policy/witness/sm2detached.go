package witness

import (
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"

	"github.com/emmansun/gmsm/sm2"
)

// SM2Key signs messages that are no notes: SM2 (GB/T 32918.2) with SM3 and the standard's
// user id 1234567812345678. A signature is r and s, 64 bytes. The key must not be one that
// signs notes: nothing tells their messages apart.
type SM2Key struct{ key *sm2.PrivateKey }

// SM2Public checks what an SM2Key signs.
type SM2Public struct{ key *ecdsa.PublicKey }

// NewSM2Key takes a private key of 32 bytes, see GenerateSM2Key. Another is ErrKey.
func NewSM2Key(key []byte) (*SM2Key, error) {
	k, err := sm2.NewPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("%w: SM2 wants a private key of 32 bytes", ErrKey)
	}
	return &SM2Key{k}, nil
}

// Sign signs a message.
func (k *SM2Key) Sign(message []byte) ([]byte, error) {
	der, err := k.key.Sign(rand.Reader, message, sm2.DefaultSM2SignerOpts)
	if err != nil {
		return nil, err
	}
	var v struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &v); err != nil || len(rest) != 0 {
		return nil, fmt.Errorf("%w: SM2 gave no signature", ErrKey)
	}
	sig := make([]byte, sm2Signature)
	v.R.FillBytes(sig[:32])
	v.S.FillBytes(sig[32:])
	return sig, nil
}

// Public is the key that checks.
func (k *SM2Key) Public() *SM2Public { return &SM2Public{&k.key.PublicKey} }

// ParseSM2Public reads what Text gives. Anything else is ErrKey.
func ParseSM2Public(text string) (*SM2Public, error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != sm2PointSize || strings.ToLower(text) != text {
		return nil, fmt.Errorf("%w: a public SM2 key is 65 bytes in small hex digits", ErrKey)
	}
	key, err := sm2.NewPublicKey(b)
	if err != nil {
		return nil, fmt.Errorf("%w: not a point of SM2's curve", ErrKey)
	}
	return &SM2Public{key}, nil
}

// Bytes is the point, uncompressed: 65 bytes.
func (p *SM2Public) Bytes() []byte { return sm2Data(p.key)[len(SM2Type):] }

// Text is the point in small hex digits.
func (p *SM2Public) Text() string { return hex.EncodeToString(p.Bytes()) }

// Verify reports whether sig is a signature of the message.
func (p *SM2Public) Verify(message, sig []byte) bool {
	if len(sig) != sm2Signature {
		return false
	}
	return sm2.VerifyWithSM2(p.key, nil, message, new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:]))
}
