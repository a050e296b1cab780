package witness

import (
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"

	"github.com/emmansun/gmsm/sm2"
	"golang.org/x/mod/sumdb/note"
)

// SM2Type begins the key data of SM2 note signatures: the byte that C2SP signed-note
// leaves to everybody, and an identifier that is unlikely to be another's.
const SM2Type = "\xffgithub.com/qunxiang/qunxiang/sm2-with-sm3-head/v1"

const (
	headSize      = 32 // bytes of an SM3 digest
	sm2KeySize    = 32 // bytes of a private key
	sm2PointSize  = 65 // bytes of a public key: 4, x, y
	sm2Signature  = 64 // bytes of a signature: r, s
	sm2BlobLength = headSize + sm2Signature
)

// SM2Signer signs notes with SM2 (GB/T 32918.2), with SM3 and the standard's user id
// 1234567812345678. A signature is made over the note's text and, after it, the 32-byte
// head of the log's SM3 chain, and carries that head before r and s: 96 bytes. So the
// national algorithms cover the national chain, and the checkpoint's text stays as it is.
type SM2Signer struct {
	name string
	key  *sm2.PrivateKey
	head *[headSize]byte // nil until WithHead
}

// SM2Verifier checks what an SM2Signer signs.
type SM2Verifier struct {
	name string
	key  *ecdsa.PublicKey
	hash uint32
}

var (
	_ note.Signer   = (*SM2Signer)(nil)
	_ note.Verifier = (*SM2Verifier)(nil)
)

// GenerateSM2Key makes a private key, 32 bytes, from the system's random numbers.
func GenerateSM2Key() ([]byte, error) {
	k, err := sm2.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	return k.D.FillBytes(make([]byte, sm2KeySize)), nil
}

// NewSM2Signer makes a signer of a private key of 32 bytes. A bad name or key is ErrKey.
func NewSM2Signer(name string, key []byte) (*SM2Signer, error) {
	k, err := sm2.NewPrivateKey(key)
	if err != nil || !validName(name) {
		return nil, fmt.Errorf("%w: SM2 wants a name and a private key of 32 bytes", ErrKey)
	}
	return &SM2Signer{name: name, key: k}, nil
}

// Name is the name on signature lines.
func (s *SM2Signer) Name() string { return s.name }

// KeyHash is the key id.
func (s *SM2Signer) KeyHash() uint32 { return keyHash(s.name, sm2Data(&s.key.PublicKey)) }

// VerifierKey is the public key as text, for NewSM2Verifier.
func (s *SM2Signer) VerifierKey() string { return keyText(s.name, sm2Data(&s.key.PublicKey)) }

// WithHead gives the signer for one checkpoint: head is that of the SM3 chain at the
// checkpoint's size.
func (s *SM2Signer) WithHead(head [32]byte) *SM2Signer {
	bound := *s
	bound.head = &head
	return &bound
}

// Sign signs a note's text and the head. It fails without a head.
func (s *SM2Signer) Sign(text []byte) ([]byte, error) {
	if s.head == nil {
		return nil, errors.New("witness: an SM2 signature needs the head of the SM3 chain")
	}
	der, err := s.key.Sign(rand.Reader, sm2Message(text, s.head[:]), sm2.DefaultSM2SignerOpts)
	if err != nil {
		return nil, err
	}
	var v struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &v); err != nil || len(rest) != 0 {
		return nil, errors.New("witness: SM2 gave no signature")
	}
	blob := make([]byte, sm2BlobLength)
	copy(blob, s.head[:])
	v.R.FillBytes(blob[headSize : headSize+32])
	v.S.FillBytes(blob[headSize+32:])
	return blob, nil
}

// NewSM2Verifier reads an SM2 verifier key: name+hash+base64. Anything else is ErrKey.
func NewSM2Verifier(text string) (*SM2Verifier, error) {
	name, data, err := readKey(text)
	if err != nil {
		return nil, err
	}
	if len(data) != len(SM2Type)+sm2PointSize || string(data[:len(SM2Type)]) != SM2Type {
		return nil, fmt.Errorf("%w: the key of %s is of no known kind", ErrKey, name)
	}
	key, err := sm2.NewPublicKey(data[len(SM2Type):])
	if err != nil {
		return nil, fmt.Errorf("%w: the key of %s is no point of SM2's curve", ErrKey, name)
	}
	return &SM2Verifier{name: name, key: key, hash: keyHash(name, data)}, nil
}

// Name is the name on signature lines.
func (v *SM2Verifier) Name() string { return v.name }

// KeyHash is the key id.
func (v *SM2Verifier) KeyHash() uint32 { return v.hash }

// Verify reports whether sig is a signature of the text and of the head it carries.
func (v *SM2Verifier) Verify(text, sig []byte) bool {
	if len(sig) != sm2BlobLength {
		return false
	}
	r := new(big.Int).SetBytes(sig[headSize : headSize+32])
	s := new(big.Int).SetBytes(sig[headSize+32:])
	return sm2.VerifyWithSM2(v.key, nil, sm2Message(text, sig[:headSize]), r, s)
}

// Head gives the head of the SM3 chain that a note was signed with. It is false for a
// note that was not opened with this verifier, or does not have its signature.
func (v *SM2Verifier) Head(n *note.Note) (head [32]byte, ok bool) {
	sig, ok := signatureOf(n, v)
	if !ok || len(sig) != sm2BlobLength {
		return head, false
	}
	return [32]byte(sig[:headSize]), true
}

// sm2Message is what is signed. The head has a fixed length, so the parts cannot be
// moved against each other.
func sm2Message(text, head []byte) []byte {
	return append(append(make([]byte, 0, len(text)+len(head)), text...), head...)
}

// sm2Data is a public key as key data.
func sm2Data(key *ecdsa.PublicKey) []byte {
	point, err := sm2.PublicKeyToECDH(key)
	if err != nil {
		return nil // of a checked key it does not happen; it verifies nothing
	}
	return append([]byte(SM2Type), point.Bytes()...)
}
