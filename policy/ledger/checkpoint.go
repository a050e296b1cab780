package ledger

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// VerifierKey is the public key, in the form golang.org/x/mod/sumdb/note reads,
// that checks the checkpoints of a population's log. Of a key of the wrong size
// it is empty, which checks nothing.
func VerifierKey(population string, key ed25519.PublicKey) string {
	text, err := note.NewEd25519VerifierKey(population, key)
	if err != nil {
		return ""
	}
	return text
}

// signer signs notes in the name of a population.
type signer struct {
	note.Verifier
	key ed25519.PrivateKey
}

func newSigner(population string, key ed25519.PrivateKey) (*signer, error) {
	if len(key) != ed25519.PrivateKeySize {
		return nil, errors.New("ledger: signing key has the wrong size")
	}
	v, err := note.NewVerifier(VerifierKey(population, key.Public().(ed25519.PublicKey)))
	if err != nil || strings.Contains(population, "/") {
		return nil, errors.New("ledger: a population's name has no space, plus or slash")
	}
	return &signer{Verifier: v, key: key}, nil
}

// NewSigner gives a log's signer of an Ed25519 key, for Options.Next and Rekey. It takes
// no heed of the SM3 chain.
func NewSigner(population string, key ed25519.PrivateKey) (Second, error) {
	s, err := newSigner(population, key)
	return func([32]byte) note.Signer { return s }, err
}

// Sign signs a note's text.
func (s *signer) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

// signCheckpoint gives the signed note of a tree: C2SP tlog-checkpoint.
func signCheckpoint(origin string, t tlog.Tree, by ...note.Signer) ([]byte, error) {
	text := fmt.Sprintf("%s\n%d\n%s\n", origin, t.N, base64.StdEncoding.EncodeToString(t.Hash[:]))
	return note.Sign(&note.Note{Text: text}, by...)
}

// openCheckpoint checks a checkpoint's signature and origin and gives its tree.
func openCheckpoint(b []byte, v note.Verifier) (tlog.Tree, error) {
	t, _, err := openSigned(b, v)
	return t, err
}

// openSigned is openCheckpoint by any of a log's keys, and gives those that signed.
func openSigned(b []byte, keys ...note.Verifier) (t tlog.Tree, by []note.Verifier, err error) {
	n, err := note.Open(b, note.VerifierList(keys...))
	if err != nil {
		return t, nil, fmt.Errorf("%w: checkpoint is not signed by the domain's key", ErrCorrupt)
	}
	for _, v := range keys {
		if slices.ContainsFunc(n.Sigs, func(s note.Signature) bool { return s.Name == v.Name() && s.Hash == v.KeyHash() }) {
			by = append(by, v)
		}
	}
	t, err = readCheckpoint(n.Text, keys[0].Name())
	return t, by, err
}

// readCheckpoint reads the text of a checkpoint of a log.
func readCheckpoint(text, origin string) (tlog.Tree, error) {
	bad := func(why string) (tlog.Tree, error) {
		return tlog.Tree{}, fmt.Errorf("%w: checkpoint %s", ErrCorrupt, why)
	}
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[0] != origin {
		return bad("is of another log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || strconv.FormatInt(size, 10) != lines[1] {
		return bad("has no size")
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return bad("has no root")
	}
	return tlog.Tree{N: size, Hash: tlog.Hash(root)}, nil
}
