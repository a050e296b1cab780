package main

import (
	"context"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/policy/witness"
)

// leavesLog is a log of tests: leaves that are texts.
type leavesLog struct{ hashes []tlog.Hash }

func (l *leavesLog) ReadHashes(at []int64) (out []tlog.Hash, err error) {
	for _, i := range at {
		out = append(out, l.hashes[i])
	}
	return out, nil
}

func logOf(t *testing.T, leaves ...string) *leavesLog {
	t.Helper()
	l := &leavesLog{}
	for i, leaf := range leaves {
		more, err := tlog.StoredHashes(int64(i), []byte(leaf), l)
		if err != nil {
			t.Fatal(err)
		}
		l.hashes = append(l.hashes, more...)
	}
	return l
}

// checkpoint is a signed one of the first leaves.
func (l *leavesLog) checkpoint(t *testing.T, size int64) []byte {
	t.Helper()
	root, err := tlog.TreeHash(size, l)
	v, err2 := note.NewVerifier(ledger.VerifierKey("hangzhou", scriptLogKey.Public().(ed25519.PublicKey)))
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	text, err := note.Sign(&note.Note{Text: witness.Checkpoint{Origin: "hangzhou", Size: size, Root: root}.Text()}, scriptSigner{v})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (l *leavesLog) prove(_ context.Context, old, size int64) ([]tlog.Hash, error) {
	return tlog.ProveTree(size, old, l)
}

// copied is a domain without witnesses whose copy is in a folder, and its log.
func copied(t *testing.T) (o *outsideLog, kept string) {
	t.Helper()
	dir := t.TempDir()
	kept = filepath.Join(dir, "copy")
	o = &outsideLog{file: filepath.Join(dir, witnessesFile), signed: filepath.Join(dir, "checkpoint"), origin: "hangzhou", say: func(string, error) {}}
	if err := os.WriteFile(o.file, []byte("outside: "+kept+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return o, kept
}

// A copy that is not there is a new one only where nothing was signed yet, or where somebody
// says so by an empty file: else the disk that keeps it is gone, and with it what it knows.
func TestCopyIsLost(t *testing.T) {
	l := logOf(t, "a", "b", "c")
	o, kept := copied(t)
	nobody := ledger.Witnesses{}
	told := func() error {
		_, err := o.Newest(t.Context(), nobody)
		return err
	}
	sign := func(size int64) error {
		text, err := o.Cosign(t.Context(), nobody, l.checkpoint(t, size), l.prove)
		if err == nil {
			err = os.WriteFile(o.signed, text, 0o600)
		}
		return err
	}
	for _, step := range []func() error{told, func() error { return sign(0) }, func() error { return os.Remove(kept) }, told, func() error { return sign(2) }, told} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Remove(kept); err != nil {
		t.Fatal(err)
	}
	if told() == nil || sign(3) == nil {
		t.Fatal("a copy that is lost is taken for a new one")
	}
	if _, err := os.Stat(kept); err == nil {
		t.Fatal("it was written anew")
	}
	if err := os.WriteFile(kept, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(told(), sign(3), told()); err != nil {
		t.Fatal(err)
	}
	if known, err := o.Newest(t.Context(), nobody); err != nil || len(known) != 1 || string(known[0]) != string(l.checkpoint(t, 3)) {
		t.Fatalf("known is %q (%v)", known, err)
	}
}

// The copy is overwritten by what continues it, not by another log that is as long or longer.
func TestCopyIsContinued(t *testing.T) {
	l, other := logOf(t, "a", "b", "c", "d"), logOf(t, "a", "x", "c", "d")
	o, kept := copied(t)
	for _, c := range []struct {
		what string
		log  *leavesLog
		size int64
		ok   bool
	}{
		{"the first", l, 2, true}, {"again", l, 2, true}, {"another as long", other, 2, false}, {"another that is longer", other, 4, false},
		{"a longer one", l, 3, true}, {"a shorter one", l, 2, false},
	} {
		before, _ := os.ReadFile(kept)
		_, err := o.Cosign(t.Context(), ledger.Witnesses{}, c.log.checkpoint(t, c.size), c.log.prove)
		after, _ := os.ReadFile(kept)
		if (err == nil) != c.ok || !c.ok && (!errors.Is(err, ledger.ErrRolledBack) || string(before) != string(after)) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}
