package witness

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
)

// NewVerifier reads a verifier key in the text form of signed notes, name+hash+base64,
// of any kind that this package knows: Ed25519 (0x01), cosignature/v1 (0x04) or SM2.
// Anything else is ErrKey.
func NewVerifier(text string) (note.Verifier, error) {
	_, data, err := readKey(text)
	switch {
	case err != nil:
		return nil, err
	case data[0] == typeEd25519:
		v, err := note.NewVerifier(text)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKey, err)
		}
		if !SoundKey(data[1:]) {
			return nil, errUnsound
		}
		return v, nil
	case data[0] == typeCosignature:
		return NewCosignatureVerifier(text)
	}
	return NewSM2Verifier(text)
}

// errUnsound refuses what anybody could sign for.
var errUnsound = fmt.Errorf("%w: an Ed25519 point of small order, or in another spelling than its one", ErrKey)

// Signature types of C2SP signed-note.
const (
	typeEd25519     = 0x01
	typeCosignature = 0x04
)

// keyText is a verifier key in text form; data begins with the signature type.
func keyText(name string, data []byte) string {
	return fmt.Sprintf("%s+%08x+%s", name, keyHash(name, data), base64.StdEncoding.EncodeToString(data))
}

// readKey reads a verifier key's name and data, in their one spelling.
func readKey(text string) (name string, data []byte, err error) {
	name, rest, _ := strings.Cut(text, "+")
	hash, key, _ := strings.Cut(rest, "+")
	want, err := strconv.ParseUint(hash, 16, 32)
	if err != nil || len(hash) != 8 || !validName(name) {
		return "", nil, fmt.Errorf("%w: a key reads name+hash+base64", ErrKey)
	}
	data, err = base64.StdEncoding.DecodeString(key)
	if err != nil || len(data) == 0 || base64.StdEncoding.EncodeToString(data) != key {
		return "", nil, fmt.Errorf("%w: the key of %s is not base64", ErrKey, name)
	}
	if uint32(want) != keyHash(name, data) {
		return "", nil, fmt.Errorf("%w: the key of %s does not have this hash", ErrKey, name)
	}
	return name, data, nil
}

// keyHash is the key id of C2SP signed-note: of the name, a newline and the key's data.
func keyHash(name string, data []byte) uint32 {
	sum := sha256.Sum256(append([]byte(name+"\n"), data...))
	return binary.BigEndian.Uint32(sum[:])
}

// validName says whether a name may stand on a signature line.
func validName(name string) bool {
	return name != "" && utf8.ValidString(name) && !strings.Contains(name, "+") &&
		strings.IndexFunc(name, func(r rune) bool { return unicode.IsSpace(r) || r < 0x20 }) < 0
}

// signatureOf finds the verified signature of a key on an opened note: what its Sign gave.
func signatureOf(n *note.Note, key note.Verifier) ([]byte, bool) {
	for _, s := range n.Sigs {
		if s.Name != key.Name() || s.Hash != key.KeyHash() {
			continue
		}
		if b, err := base64.StdEncoding.DecodeString(s.Base64); err == nil && len(b) > 4 {
			return b[4:], true
		}
	}
	return nil, false
}

// signatureLine is a line of a note's signatures, in its one spelling.
func signatureLine(name string, hash uint32, sig []byte) string {
	b := binary.BigEndian.AppendUint32(nil, hash)
	return "— " + name + " " + base64.StdEncoding.EncodeToString(append(b, sig...)) + "\n"
}
