package ledger

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A KEY leaf at place i changes the key that signs the log. The key before signs the
// checkpoint of i+1 leaves, of which the KEY leaf is the last, and so hands over to the
// new one; every larger checkpoint is the new key's. That one checkpoint is always made,
// also where many leaves became durable together, and it is kept with the leaf's proof in
// the file handover-N, N counting from 1: whoever knows the key before learns the new one
// from it. A key that was lost hands nothing over: where the KEY leaf says so, the new one
// signs from i+1 leaves on, and it is pinned anew by another way.

// signerError is the kind of ErrSigner.
type signerError struct{}

func (signerError) Error() string { return "the key that signs the log is not here" }

// Is makes it wait as for witnesses: nothing is charged, and what is durable counts.
func (signerError) Is(target error) bool { return target == ErrQuorum }

// ErrSigner says that no checkpoint can be signed, because the key in force was lost or
// is elsewhere. It is an ErrQuorum too: no charge is admitted, and what was released waits.
var ErrSigner error = signerError{}

// keyed is a key and its leaf.
type keyed struct {
	Key
	leaf int64
}

// from is the smallest size of the log that the key signs.
func (k keyed) from() int64 {
	if k.Lost {
		return k.leaf + 1
	}
	return k.leaf + 2
}

// rekey changes a signing key. One that was there before never comes back.
func (s *State) rekey(l Leaf, b *Key) error {
	if slices.ContainsFunc(s.keysInForce, func(k keyed) bool { return k.Public == b.Public }) {
		return fmt.Errorf("%w: this key was there before", ErrKey)
	}
	if b.Use == useLog && !strings.HasPrefix(b.Public, s.population+"+") {
		return fmt.Errorf("%w: it is not this log's", ErrKey)
	}
	if err := s.needContent(SubjectKey, b, l.Time, b.By); err != nil {
		return err
	}
	s.keysInForce = append(s.keysInForce, keyed{Key: *b, leaf: l.Index})
	return nil
}

// signsAt is the key that signs where the log has so many leaves, "" for the first one.
func (s *State) signsAt(use, algorithm string, size int64) (public string) {
	for _, k := range s.keysInForce {
		if k.Use == use && k.Algorithm == algorithm && k.from() <= size {
			public = k.Public
		}
	}
	return public
}

// noteKey is a key of signed notes: its name and the beginning of its hash.
type noteKey interface {
	Name() string
	KeyHash() uint32
}

// is says whether a verifier key's text is a key's.
func is(text string, k noteKey) bool {
	return strings.HasPrefix(text, fmt.Sprintf("%s+%08x+", k.Name(), k.KeyHash()))
}

// may says whether a key signs the log where it has so many leaves.
func (s *State) may(algorithm string, k noteKey, size int64) bool {
	if inForce := s.signsAt(useLog, algorithm, size); inForce != "" {
		return is(inForce, k)
	}
	return !slices.ContainsFunc(s.keysInForce, func(later keyed) bool { return is(later.Public, k) })
}

// signedBy wants one of those who signed a checkpoint to have been in force at its size.
func (s *State) signedBy(keys []note.Verifier, size int64) error {
	if slices.ContainsFunc(keys, func(k note.Verifier) bool { return s.may(ed25519Name, k, size) }) {
		return nil
	}
	return fmt.Errorf("%w: the checkpoint of %d leaves is signed by a key that was not in force there", ErrCorrupt, size)
}

// handover is the number of the handover that the checkpoint of so many leaves is, 0 for
// none.
func (s *State) handover(size int64) (n int) {
	for _, k := range s.keysInForce {
		if k.Use != useLog || k.Lost {
			continue
		}
		n++
		if k.leaf+1 == size {
			return n
		}
	}
	return 0
}

// stops are the sizes between two at which a key hands over.
func (s *State) stops(from, to int64) (sizes []int64) {
	for _, k := range s.keysInForce {
		if b := k.leaf + 1; k.Use == useLog && !k.Lost && from < b && b < to {
			sizes = append(sizes, b)
		}
	}
	return sizes
}

// signersAt are the keys that sign where the log has so many leaves.
func (l *Ledger) signersAt(size int64, head [32]byte) (list []note.Signer, err error) {
	for _, by := range []struct {
		algorithm string
		first     Second
	}{{ed25519Name, l.first}, {sm2Name, l.second}} {
		inForce, ours := l.signsAt(useLog, by.algorithm, size), by.first
		if inForce != "" && (ours == nil || !is(inForce, ours(head))) {
			at := slices.IndexFunc(l.later, func(s Second) bool { return is(inForce, s(head)) })
			if at < 0 {
				return nil, ErrSigner
			}
			ours = l.later[at]
		}
		switch {
		case ours == nil && by.algorithm == sm2Name && !l.secondLost: // it never had one
		case ours == nil, !l.may(by.algorithm, ours(head), size):
			return nil, ErrSigner
		default:
			list = append(list, ours(head))
		}
	}
	return list, nil
}

// handedBy wants the first handover, where there is one, to be signed by a key that was in
// force there. No KEY leaf names the log's first key: that it has come back shows only in
// what it signed before.
func (s *State) handedBy(files FS, dir string, keys []note.Verifier) error {
	text, err := readFile(files, filepath.Join(dir, HandoverName(1)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	_, checkpoint, _ := bytes.Cut(text, []byte("\n\n"))
	t, by, err := openSigned(checkpoint, keys...)
	if err != nil { // by a key that is not known here any more
		return nil
	}
	return s.signedBy(by, t.N)
}

// know takes in a signer that waits for its KEY leaf, or has it.
func (l *Ledger) know(next Second) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := next([32]byte{})
	if slices.ContainsFunc(l.later, func(have Second) bool { return sameKey(have([32]byte{}), s) }) {
		return
	}
	l.later = append(l.later, next)
	if v, ok := s.(note.Verifier); ok {
		l.keys = withKey(l.keys, v)
	}
}

// withKey adds a key to those of checkpoints; twice it would be ambiguous.
func withKey(list []note.Verifier, v note.Verifier) []note.Verifier {
	if slices.ContainsFunc(list, func(have note.Verifier) bool { return sameKey(have, v) }) {
		return list
	}
	return append(list, v)
}

func sameKey(a, b noteKey) bool { return a.Name() == b.Name() && a.KeyHash() == b.KeyHash() }

// Rekey logs a change of a signing key. One that signs the log comes with next, its
// private half, so that nothing is changed to what cannot sign; next is nil for receipts.
// A checkpoint by the key before covers the leaf, unless that was lost. ErrKey refuses a
// key that was there before, is another log's, or not next's.
func (l *Ledger) Rekey(ctx context.Context, k Key, next Second) (int64, error) {
	if slices.Contains(l.before, k.Public) || l.second != nil && is(k.Public, l.second([32]byte{})) {
		return -1, fmt.Errorf("%w: this key was there before", ErrKey)
	}
	if k.Use == useLog {
		if next == nil || !is(k.Public, next([32]byte{})) {
			return -1, fmt.Errorf("%w: its private half is not here", ErrKey)
		}
		l.know(next)
	}
	return l.published(ctx, &k)
}

// KeyChange is a KEY leaf.
type KeyChange struct {
	Key
	Leaf int64
}

// KeyChanges are the KEY leaves, oldest first.
func (s *State) KeyChanges() []KeyChange {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []KeyChange
	for _, k := range s.keysInForce {
		all = append(all, KeyChange{k.Key, k.leaf})
	}
	return all
}

// SigningKey is the key that signs from here on, as its KEY leaf has it, or "" for the
// first one. use is "log" or "receipt", algorithm "ed25519" or "sm2".
func (s *State) SigningKey(use, algorithm string) string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.signsAt(use, algorithm, s.size+1)
}

// Retired says whether the log's key with this public half is of no more use: another
// has signed the newest checkpoint in its place.
func (s *State) Retired(algorithm, public string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	inForce := s.signsAt(useLog, algorithm, s.signed)
	return inForce != "" && inForce != public
}

// HandoverName is the file of the n-th handover, from 1, beside the checkpoint.
func HandoverName(n int) string { return fmt.Sprintf("handover-%d", n) }

// Handover is the n-th handover, from 1, as its file has it. ErrUnknown for none.
func (l *Ledger) Handover(n int) ([]byte, error) {
	b, err := readFile(l.fs, filepath.Join(l.dir, HandoverName(n)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: handover %d", ErrUnknown, n)
	}
	return b, err
}

// handOver keeps the checkpoint under which a key hands over, with the KEY leaf and its
// proof, as C2SP tlog-proof with the leaf as its extra data.
func (l *Ledger) handOver(x extent, size int64, checkpoint []byte) error {
	l.mu.RLock()
	n := l.handover(size)
	l.mu.RUnlock()
	if n == 0 {
		return nil
	}
	leaf, err := x.raw(size - 1)
	if err != nil {
		return err
	}
	hashes, err := tlog.ProveRecord(size, size-1, x.tree)
	if err != nil {
		return err
	}
	return replaceFile(l.fs, filepath.Join(l.dir, HandoverName(n)), tlogProof(leaf, size-1, hashes, checkpoint))
}

func tlogProof(leaf []byte, index int64, hashes []tlog.Hash, checkpoint []byte) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "c2sp.org/tlog-proof@v1\nextra %s\nindex %d\n", base64.StdEncoding.EncodeToString(leaf), index)
	for _, h := range hashes {
		fmt.Fprintf(&b, "%s\n", h)
	}
	fmt.Fprintf(&b, "\n%s", checkpoint)
	return b.Bytes()
}
