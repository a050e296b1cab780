package witness

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const origin = "testville"

var (
	ctx  = context.Background()
	dawn = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// seed is a key for tests, by name.
func seed(name string) []byte {
	sum := sha256.Sum256([]byte("a key only for testing: " + name))
	return sum[:]
}

// edKey signs notes with Ed25519.
type edKey struct {
	note.Verifier
	key  ed25519.PrivateKey
	text string
}

func newEdKey(t testing.TB, name, of string) *edKey {
	t.Helper()
	key := ed25519.NewKeyFromSeed(seed(of))
	text, err := note.NewEd25519VerifierKey(name, key.Public().(ed25519.PublicKey))
	must(t, err)
	v, err := note.NewVerifier(text)
	must(t, err)
	return &edKey{v, key, text}
}

func (k *edKey) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(k.key, msg), nil }

// tree is a log in memory; salt makes another history from the given leaf on.
type tree struct {
	origin string
	key    note.Signer
	mu     sync.RWMutex // late proofs are made while the log grows
	hashes []tlog.Hash
	size   int64
}

func newTree(t testing.TB, key *edKey) *tree { return &tree{origin: key.Name(), key: key} }

func (l *tree) ReadHashes(at []int64) ([]tlog.Hash, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	list := make([]tlog.Hash, len(at))
	for i, n := range at {
		list[i] = l.hashes[n]
	}
	return list, nil
}

// grow appends n leaves; those of another salt are others.
func (l *tree) grow(t testing.TB, n int, salt string) *tree {
	t.Helper()
	for range n {
		more, err := tlog.StoredHashes(l.size, fmt.Appendf(nil, "leaf %d%s", l.size, salt), l)
		must(t, err)
		l.mu.Lock()
		l.hashes = append(l.hashes, more...)
		l.size++
		l.mu.Unlock()
	}
	return l
}

// fork is another log with the first n leaves of this one.
func (l *tree) fork(t testing.TB, n int64) *tree {
	t.Helper()
	return &tree{origin: l.origin, key: l.key, hashes: append([]tlog.Hash{}, l.hashes[:tlog.StoredHashCount(n)]...), size: n}
}

func (l *tree) root(t testing.TB) tlog.Hash {
	t.Helper()
	if l.size == 0 {
		return emptyRoot()
	}
	h, err := tlog.TreeHash(l.size, l)
	must(t, err)
	return h
}

// checkpoint signs the log as it is.
func (l *tree) checkpoint(t testing.TB, more ...note.Signer) []byte {
	t.Helper()
	text := Checkpoint{Origin: l.origin, Size: l.size, Root: l.root(t)}.Text()
	b, err := note.Sign(&note.Note{Text: text}, append([]note.Signer{l.key}, more...)...)
	must(t, err)
	return b
}

// prove proves the log's first old leaves under its first size.
func (l *tree) prove(_ context.Context, old, size int64) ([]tlog.Hash, error) {
	return tlog.ProveTree(size, old, l)
}

// request asks to cosign the log as it is, from old leaves on.
func (l *tree) request(t testing.TB, old int64) Request {
	t.Helper()
	r := Request{Old: old, Checkpoint: l.checkpoint(t)}
	if 0 < old && old < l.size {
		var err error
		r.Proof, err = l.prove(ctx, old, l.size)
		must(t, err)
	}
	return r
}

// said is an operator's log that tests read.
type said struct {
	mu sync.Mutex
	b  strings.Builder
}

func (s *said) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func at(when time.Time) func() time.Time { return func() time.Time { return when } }

// begin makes a witness's folder that knows the log.
func begin(t testing.TB, name string, l *edKey, now func() time.Time) Options {
	t.Helper()
	own, err := NewCosigner(name, seed(name), now)
	must(t, err)
	o := Options{Dir: t.TempDir(), Cosigner: own, Logs: []Log{{Origin: l.Name(), Keys: []string{l.text}}}}
	must(t, Begin(o.Dir, l.Name(), own))
	return o
}

func open(t testing.TB, o Options) *Witness {
	t.Helper()
	w, err := Open(o)
	must(t, err)
	t.Cleanup(func() { w.Close() })
	return w
}

// hearing adds an operator's log.
func hearing(o Options) (Options, *said) {
	s := &said{}
	o.Log = slog.New(slog.NewTextHandler(s, nil))
	return o, s
}

// stateFile is where a witness keeps what it knows of the log.
func stateFile(o Options) string {
	return filepath.Join(logFolder(o.Dir, o.Logs[0].Origin), checkpointFile)
}

// cosignedBy says whether a cosignature line is one of the checkpoint's text.
func cosignedBy(v *CosignatureVerifier, checkpoint, line []byte) bool {
	text, _, err := splitNote(checkpoint)
	if err != nil {
		return false
	}
	_, err = note.Open([]byte(text+"\n"+string(line)), note.VerifierList(v))
	return err == nil
}
