package ledger_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// copied is a copy of a log's folder, as a backup has it.
func copied(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "ledger")
	must(t, os.CopyFS(to, os.DirFS(dir)))
	return to
}

// mirror is what somebody has who fetched the published log: no wal.
func mirror(t *testing.T, dir string) fs.FS {
	t.Helper()
	to := copied(t, dir)
	must(t, os.Remove(filepath.Join(to, "wal")))
	return os.DirFS(to)
}

// grown is a log with an old copy of it, charged on after that.
func grown(t *testing.T, before, after int) (l *ledger.Ledger, dir, old string) {
	t.Helper()
	c := newClock()
	l, dir = fresh(t, c)
	for i := range before {
		answer(t, l, c, fmt.Sprintf("before-%d", i), 1)
	}
	old = copied(t, dir)
	for i := range after {
		answer(t, l, c, fmt.Sprintf("after-%d", i), 1)
	}
	return l, dir, old
}

// What an old copy lacks is taken from a newer one, whichever form it has, and from then
// on the copy has all that was spent.
func TestExtend(t *testing.T) {
	for name, after := range map[string]int{"a few": 3, "several bundles": 300, "nothing": 0} {
		for _, form := range []string{"wal", "tiles"} {
			t.Run(name+" as "+form, func(t *testing.T) {
				l, dir, old := grown(t, 2, after)
				from := os.DirFS(dir)
				if form == "tiles" {
					from = mirror(t, dir)
				}
				must(t, ledger.Extend(old, from, verifier(t)))
				s, err := ledger.Read(old, verifier(t))
				must(t, err)
				if s.Spent(life) != l.Spent(life) || s.Size() != l.Size() {
					t.Errorf("%v of %v spent", s.Spent(life), l.Spent(life))
				}
				c := newClock()
				c.step(1e6 * 1e9)
				again := open(t, options(old, c))
				answer(t, again, c, "then", 1)
				must(t, again.Close())
			})
		}
	}
}

// What does not go on from the log that is here, or is not what its checkpoint says, is
// not taken, and changes nothing.
func TestExtendRefuses(t *testing.T) {
	_, dir, old := grown(t, 2, 3)
	_, other, _ := grown(t, 0, 7)
	read := func(dir, name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		must(t, err)
		return b
	}
	newer := func(change func(m fstest.MapFS)) fs.FS {
		m := fstest.MapFS{"wal": {Data: read(dir, "wal")}, "checkpoint": {Data: read(dir, "checkpoint")}}
		change(m)
		return m
	}
	before := string(read(old, "wal")) + string(read(old, "checkpoint"))
	for name, c := range map[string]struct {
		from fs.FS
		want error
	}{
		"another log":            {os.DirFS(other), ledger.ErrRolledBack},
		"a leaf is altered":      {newer(func(m fstest.MapFS) { m["wal"].Data[len(m["wal"].Data)-40] ^= 1 }), ledger.ErrCorrupt},
		"leaves are missing":     {newer(func(m fstest.MapFS) { m["wal"].Data = read(old, "wal") }), ledger.ErrCorrupt},
		"the checkpoint is old":  {newer(func(m fstest.MapFS) { m["checkpoint"].Data = read(other, "checkpoint") }), ledger.ErrCorrupt},
		"the checkpoint is lost": {newer(func(m fstest.MapFS) { delete(m, "checkpoint") }), fs.ErrNotExist},
		"nobody has signed it":   {newer(func(m fstest.MapFS) { m["checkpoint"].Data[0] ^= 1 }), ledger.ErrCorrupt},
		"neither wal nor tiles":  {newer(func(m fstest.MapFS) { delete(m, "wal") }), fs.ErrNotExist},
	} {
		want(t, ledger.Extend(old, c.from, verifier(t)), c.want)
		if now := string(read(old, "wal")) + string(read(old, "checkpoint")); now != before {
			t.Fatalf("%s: the log was changed", name)
		}
	}
}

// A copy says whether it has all of a checkpoint, and a copy beside a growing log is whole.
func TestCopyContinues(t *testing.T) {
	_, dir, old := grown(t, 2, 3)
	now, err := ledger.ReadCopy(dir, verifier(t))
	must(t, err)
	then, err := ledger.ReadCopy(old, verifier(t))
	must(t, err)
	must(t, now.Continues(now.Checkpoint))
	must(t, now.Continues(then.Checkpoint))
	want(t, then.Continues(now.Checkpoint), ledger.ErrRolledBack)
	_, other, _ := grown(t, 5, 0)
	another, err := ledger.ReadCopy(other, verifier(t))
	must(t, err)
	want(t, now.Continues(another.Checkpoint), ledger.ErrRolledBack)
	info, err := os.Stat(filepath.Join(dir, "wal"))
	must(t, err)
	if now.Bytes != info.Size() {
		t.Errorf("%d of %d bytes", now.Bytes, info.Size())
	}
}
