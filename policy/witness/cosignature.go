package witness

import (
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"time"

	"golang.org/x/mod/sumdb/note"
)

const (
	timestampSize   = 8 // bytes
	cosignatureSize = timestampSize + ed25519.SignatureSize
)

// Cosigner makes cosignatures: C2SP tlog-cosignature, cosignature/v1 with Ed25519.
type Cosigner struct {
	name string
	key  ed25519.PrivateKey
	now  func() time.Time
}

// CosignatureVerifier checks the cosignatures of one witness.
type CosignatureVerifier struct {
	name string
	key  ed25519.PublicKey
}

var (
	_ note.Signer   = (*Cosigner)(nil)
	_ note.Verifier = (*CosignatureVerifier)(nil)
)

// NewCosigner makes a cosigner of an Ed25519 seed of 32 bytes. The key must sign
// nothing else. now is the clock; nil is the system's. A bad name or seed is ErrKey.
func NewCosigner(name string, seed []byte, now func() time.Time) (*Cosigner, error) {
	if len(seed) != ed25519.SeedSize || !validName(name) {
		return nil, fmt.Errorf("%w: a witness wants a name without spaces and plus signs, and a key of 32 bytes", ErrKey)
	}
	if now == nil {
		now = time.Now
	}
	return &Cosigner{name: name, key: ed25519.NewKeyFromSeed(seed), now: now}, nil
}

// Name is the witness's name.
func (c *Cosigner) Name() string { return c.name }

// KeyHash is the key id.
func (c *Cosigner) KeyHash() uint32 { return c.Verifier().KeyHash() }

// Verifier checks what the cosigner signs.
func (c *Cosigner) Verifier() *CosignatureVerifier {
	return &CosignatureVerifier{c.name, c.key.Public().(ed25519.PublicKey)}
}

// VerifierKey is the public key as text, for NewCosignatureVerifier.
func (c *Cosigner) VerifierKey() string { return c.Verifier().Key() }

// Sign cosigns the text of a checkpoint, as of now. Other texts are ErrMalformed.
func (c *Cosigner) Sign(text []byte) ([]byte, error) {
	if _, err := ParseCheckpoint(string(text)); err != nil {
		return nil, err
	}
	at := c.now().Unix()
	if at <= 0 {
		return nil, fmt.Errorf("%w: the clock stands before 1970", ErrState)
	}
	sig := binary.BigEndian.AppendUint64(make([]byte, 0, cosignatureSize), uint64(at))
	return append(sig, ed25519.Sign(c.key, cosigned(uint64(at), text))...), nil
}

// NewCosignatureVerifier reads a witness's verifier key, of type 0x04: name+hash+base64.
// Anything else is ErrKey.
func NewCosignatureVerifier(text string) (*CosignatureVerifier, error) {
	name, data, err := readKey(text)
	if err != nil {
		return nil, err
	}
	if data[0] != typeCosignature || len(data) != 1+ed25519.PublicKeySize {
		return nil, fmt.Errorf("%w: the key of %s is not a witness's", ErrKey, name)
	}
	if !SoundKey(data[1:]) {
		return nil, errUnsound
	}
	return &CosignatureVerifier{name, ed25519.PublicKey(data[1:])}, nil
}

// Name is the witness's name.
func (v *CosignatureVerifier) Name() string { return v.name }

// Key is the verifier key as text.
func (v *CosignatureVerifier) Key() string { return keyText(v.name, v.data()) }

// KeyHash is the key id.
func (v *CosignatureVerifier) KeyHash() uint32 { return keyHash(v.name, v.data()) }

func (v *CosignatureVerifier) data() []byte { return append([]byte{typeCosignature}, v.key...) }

// Verify reports whether sig is a cosignature of the text of a checkpoint, as of some
// second after 1970. Whether that time is believable is asked of Time.
func (v *CosignatureVerifier) Verify(text, sig []byte) bool {
	if len(sig) != cosignatureSize {
		return false
	}
	at := binary.BigEndian.Uint64(sig)
	if _, err := ParseCheckpoint(string(text)); err != nil || at == 0 || at > math.MaxInt64 {
		return false
	}
	return ed25519.Verify(v.key, cosigned(at, text), sig[timestampSize:])
}

// Time gives the time of the witness's cosignature on a note that was opened with this
// verifier. It is false where there is none.
func (v *CosignatureVerifier) Time(n *note.Note) (time.Time, bool) {
	sig, ok := signatureOf(n, v)
	if !ok || len(sig) != cosignatureSize {
		return time.Time{}, false
	}
	return time.Unix(int64(binary.BigEndian.Uint64(sig)), 0).UTC(), true
}

// cosigned is the message of a cosignature.
func cosigned(at uint64, text []byte) []byte {
	b := append([]byte("cosignature/v1\ntime "), strconv.FormatUint(at, 10)...)
	return append(append(b, '\n'), text...)
}
