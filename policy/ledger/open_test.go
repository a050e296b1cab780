package ledger_test

import (
	"bytes"
	"crypto/ed25519"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// lived gives a closed log with two releases and one open charge, and a
// checkpoint over all of it.
func lived(t testing.TB, c *clock) string {
	l, dir := fresh(t, c)
	answer(t, l, c, "r-1", 10)
	answer(t, l, c, "r-2", 20)
	_, err := l.Charge(ctx, charge("r-3", 30, c.now()))
	must(t, err)
	must(t, l.Close())
	return dir
}

func TestRestart(t *testing.T) {
	c := newClock()
	dir := lived(t, c)
	l := open(t, options(dir, c))
	if r, _ := l.Trace("r-3"); !r.Request.Abandoned {
		t.Fatal("an orphan was not abandoned")
	}
	if l.Spent(life).Rho != 60 || len(l.Find("key-1")) != 2 || len(l.Snapshots()) != 1 || len(l.Requests()) != 3 {
		t.Fatalf("folded to spent %v, %v", l.Spent(life), l.Requests())
	}
	size := l.Size()
	must(t, l.Close())
	l = open(t, options(dir, c))
	defer l.Close()
	if l.Size() != size {
		t.Fatal("opening it again changed it")
	}
	if _, err := l.Proof(size - 1); err != nil {
		t.Fatalf("the ABANDON is under no checkpoint: %v", err)
	}
}

func TestOneWriter(t *testing.T) {
	c := newClock()
	l, dir := fresh(t, c)
	_, err := ledger.Open(options(dir, c))
	want(t, err, ledger.ErrInUse)
	charged, _ := answer(t, l, c, "r-1", 10)
	s, err := ledger.Read(dir, verifier(t)) // beside it, without the lock
	must(t, err)
	if s.Spent(life).Rho != 10 || len(s.Find("key-1")) != 1 || s.Requests()[0].Index != charged || s.Population() != population {
		t.Fatalf("read %v", s.Requests())
	}
	must(t, l.Close())
	_, err = l.Charge(ctx, charge("r-2", 1, c.now()))
	want(t, err, ledger.ErrStopped)
}

// The file of the lock is removed as a stale one while the log is open: the log itself is
// locked too.
func TestLockRemoved(t *testing.T) {
	c := newClock()
	l, dir := fresh(t, c)
	must(t, os.Remove(filepath.Join(dir, "lock")))
	_, err := ledger.Open(options(dir, c))
	want(t, err, ledger.ErrInUse)
	must(t, l.Close())
	must(t, open(t, options(dir, c)).Close())
}

// Whoever finds that somebody else has written to the log stops, and writes over nothing.
func TestSomebodyElseWrote(t *testing.T) {
	for what, change := range map[string]func(*os.File) error{
		"longer":  func(f *os.File) error { _, err := f.Write(make([]byte, 1032)); return err },
		"shorter": func(f *os.File) error { return f.Truncate(1032) },
	} {
		c := newClock()
		o, fatal := options(t.TempDir(), c), 0
		o.Fatal = func(error) { fatal++ }
		l := open(t, o)
		_, err := l.Grant(ctx, grant(1000))
		must(t, err)
		_, err = l.Snapshot(ctx, ledger.Snapshot{Snapshot: "snap-1", By: "steward-s"})
		must(t, err)
		f, err := os.OpenFile(filepath.Join(o.Dir, "wal"), os.O_WRONLY|os.O_APPEND, 0)
		must(t, err)
		must(t, change(f))
		must(t, f.Close())
		before, err := os.ReadFile(filepath.Join(o.Dir, "wal"))
		must(t, err)
		_, err = l.Charge(ctx, charge("r-1", 1, c.now()))
		want(t, err, ledger.ErrStopped)
		want(t, err, ledger.ErrCorrupt)
		_, err = l.Charge(ctx, charge("r-2", 1, c.now()))
		want(t, err, ledger.ErrStopped)
		after, err := os.ReadFile(filepath.Join(o.Dir, "wal"))
		must(t, err)
		if fatal != 1 || !bytes.Equal(before, after) {
			t.Errorf("%s: stopped %d times; written over: %v", what, fatal, !bytes.Equal(before, after))
		}
		_ = l.Close()
	}
}

// A tail that was being written is cut, if no checkpoint covers it.
func TestTornTail(t *testing.T) {
	c := newClock()
	dir := lived(t, c)
	wal := filepath.Join(dir, "wal")
	whole, err := os.ReadFile(wal)
	must(t, err)
	for name, tail := range map[string][]byte{
		"half a head":   {0, 0, 4},
		"a head":        {0, 0, 4, 0, 1, 2, 3, 4},
		"half a record": whole[:700],
		"zeros":         make([]byte, 4096),
		"wrong sum":     append([]byte{0, 0, 4, 0, 1, 2, 3, 4}, whole[8:1032]...),
		"huge length":   {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0},
	} {
		must(t, os.WriteFile(wal, append(bytes.Clone(whole), tail...), 0o600))
		l, err := ledger.Open(options(dir, c))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if l.Spent(life).Rho != 60 {
			t.Fatalf("%s: spent %v", name, l.Spent(life))
		}
		must(t, l.Close())
		whole, err = os.ReadFile(wal)
		must(t, err)
	}
}

func TestDamagedDoesNotOpen(t *testing.T) {
	c := newClock()
	other := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32))
	for name, damage := range map[string]func(t *testing.T, dir string, o *ledger.Options){
		"last record cut off": func(t *testing.T, dir string, _ *ledger.Options) {
			edit(t, dir, "wal", func(b []byte) []byte { return b[:len(b)-1032] })
		},
		"a byte cut off": func(t *testing.T, dir string, _ *ledger.Options) {
			edit(t, dir, "wal", func(b []byte) []byte { return b[:len(b)-1] })
		},
		"a bit flipped": func(t *testing.T, dir string, _ *ledger.Options) {
			edit(t, dir, "wal", func(b []byte) []byte { b[2000] ^= 1; return b })
		},
		"records swapped": func(t *testing.T, dir string, _ *ledger.Options) {
			edit(t, dir, "wal", func(b []byte) []byte {
				return append(append(bytes.Clone(b[1032:2064]), b[:1032]...), b[2064:]...)
			})
		},
		"another log of the same length": func(t *testing.T, dir string, _ *ledger.Options) {
			c := newClock()
			c.step(time.Hour)
			other, err := os.ReadFile(filepath.Join(lived(t, c), "wal"))
			must(t, err)
			edit(t, dir, "wal", func([]byte) []byte { return other })
		},
		"wal gone": func(t *testing.T, dir string, _ *ledger.Options) { must(t, os.Remove(filepath.Join(dir, "wal"))) },
		"checkpoint gone": func(t *testing.T, dir string, _ *ledger.Options) {
			must(t, os.Remove(filepath.Join(dir, "checkpoint")))
		},
		"checkpoint empty": func(t *testing.T, dir string, _ *ledger.Options) {
			edit(t, dir, "checkpoint", func([]byte) []byte { return nil })
		},
		"checkpoint edited": func(t *testing.T, dir string, _ *ledger.Options) {
			edit(t, dir, "checkpoint", func(b []byte) []byte { return bytes.Replace(b, []byte("\n7\n"), []byte("\n6\n"), 1) })
		},
		"another key": func(t *testing.T, dir string, o *ledger.Options) { o.Signer = other },
		"rule broken behind the checkpoint": func(t *testing.T, dir string, _ *ledger.Options) {
			edit(t, dir, "wal", func(b []byte) []byte { return append(b, b[len(b)-1032:]...) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := lived(t, c)
			o := options(dir, c)
			damage(t, dir, &o)
			before, _ := os.ReadFile(filepath.Join(dir, "wal"))
			_, err := ledger.Open(o)
			want(t, err, ledger.ErrCorrupt)
			if name == "another key" {
				return
			}
			if after, _ := os.ReadFile(filepath.Join(dir, "wal")); !bytes.Equal(before, after) {
				t.Fatal("a damaged log was written to")
			}
			_, err = ledger.Read(dir, verifier(t))
			want(t, err, ledger.ErrCorrupt)
			l, err := ledger.Open(o) // and the lock was given back
			if err == nil {
				t.Fatal(l.Close(), "opened at the second try")
			}
			want(t, err, ledger.ErrCorrupt)
		})
	}
}

func edit(t *testing.T, dir, name string, change func([]byte) []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	b, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, change(b), 0o600))
}

func TestOptionsRefused(t *testing.T) {
	c := newClock()
	for name, change := range map[string]func(*ledger.Options){
		"no Fatal":            func(o *ledger.Options) { o.Fatal = nil },
		"no directory":        func(o *ledger.Options) { o.Dir = "" },
		"no key":              func(o *ledger.Options) { o.Signer = nil },
		"slash in population": func(o *ledger.Options) { o.Population = "a/b" },
		"space in population": func(o *ledger.Options) { o.Population = "a b" },
		"empty population":    func(o *ledger.Options) { o.Population = "" },
	} {
		o := options(t.TempDir(), c)
		change(&o)
		if l, err := ledger.Open(o); err == nil {
			t.Errorf("%s: opened", name)
			_ = l.Close()
		}
	}
}

// Leaves beyond the checkpoint are counted by Read, releases only under it.
func TestReadBeyondCheckpoint(t *testing.T) {
	c := newClock()
	l, dir := fresh(t, c)
	old, err := os.ReadFile(filepath.Join(dir, "checkpoint"))
	must(t, err)
	answer(t, l, c, "r-1", 10)
	c.step(time.Second)
	must(t, os.WriteFile(filepath.Join(dir, "checkpoint"), old, 0o600))
	s, err := ledger.Read(dir, verifier(t))
	must(t, err)
	if s.Spent(life).Rho != 10 || len(s.Find("key-1")) != 0 {
		t.Fatalf("spent %v, found %v", s.Spent(life), s.Find("key-1"))
	}
}

// A log that is gone is not begun again: that would be a new budget.
func TestLostLogIsNotBegunAgain(t *testing.T) {
	c := newClock()
	dir := lived(t, c)
	must(t, os.RemoveAll(dir))
	o := options(dir, c)
	o.Create = false
	for range 2 { // and the first try leaves nothing that the second would take for a log
		_, err := ledger.Open(o)
		want(t, err, ledger.ErrMissing)
		_, err = ledger.Read(dir, verifier(t))
		want(t, err, ledger.ErrMissing)
	}
	must(t, os.WriteFile(filepath.Join(dir, "wal"), nil, 0o600))
	_, err := ledger.Open(o)
	want(t, err, ledger.ErrMissing)
}
