package journal

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/qunxiang/qunxiang/federated/secagg"
	"github.com/qunxiang/qunxiang/policy/ledger/ledgertest"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustBe(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

// book stands for the ledger: charges that are durable when they return.
type book struct {
	charged map[uint64]string
	mark    secagg.Mark
	past    []secagg.Mark
	fork    byte // of the leaves to come
}

func newBook() *book { return &book{charged: map[uint64]string{}, mark: markOf(1)} }

func markOf(n uint64) secagg.Mark { return secagg.Mark{Counter: n, Head: secagg.Hash{byte(n), 1}} }

func (b *book) charge(n uint64) func(string) (secagg.Mark, error) {
	return func(digest string) (secagg.Mark, error) {
		b.charged[n], b.mark = digest, b.next()
		return b.mark, nil
	}
}

// next is the mark after another leaf.
func (b *book) next() secagg.Mark {
	b.past = append(b.past, b.mark)
	m := markOf(b.mark.Counter + 1)
	m.Head[2] = b.fork
	return m
}

// grown knows the marks that the book has had.
func (b *book) grown(since secagg.Mark) error {
	if since != b.mark && !slices.Contains(b.past, since) {
		return ErrRollback
	}
	return nil
}

func (b *book) options(dir string) Options {
	charged := map[uint64]string{}
	for n, d := range b.charged {
		charged[n] = d
	}
	return Options{Dir: dir, Job: secagg.Hash{9}, Nodes: 3, Charged: charged, Ledger: b.mark, Grown: b.grown}
}

func open(t testing.TB, o Options) *Journal {
	t.Helper()
	j, err := Open(o)
	must(t, err)
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func recordOf(n uint64) []byte { return bytes.Repeat([]byte{byte(n), 0xa5}, 700) }

func TestCommitAndReopen(t *testing.T) {
	dir, b := t.TempDir(), newBook()
	j := open(t, b.options(dir))
	mustBe(t, j.Commit(1, recordOf(1), b.charge(1)), ErrSecond) // no such attempt
	must(t, j.Attempt(1, b.mark))
	mustBe(t, j.Attempt(1, b.mark), ErrAttempt)
	must(t, j.Saw(1, []secagg.Mark{markOf(1), markOf(5), markOf(7)}))
	must(t, j.Commit(1, recordOf(1), b.charge(1)))
	mustBe(t, j.Commit(1, recordOf(1), b.charge(1)), ErrSecond)
	must(t, j.Shared(1, 0, markOf(1)))
	must(t, j.Close())

	j = open(t, b.options(dir))
	got, err := j.Record(1)
	must(t, err)
	if !bytes.Equal(got, recordOf(1)) || j.Highest() != 1 || fmt.Sprint(j.Issued()) != "[1]" {
		t.Fatalf("%d bytes, highest %d, issued %v", len(got), j.Highest(), j.Issued())
	}
	mustBe(t, j.Commit(1, recordOf(2), b.charge(1)), ErrSecond)
	mustBe(t, j.Attempt(1, b.mark), ErrAttempt)
	must(t, j.Attempt(4, b.mark))
	mustBe(t, j.Attempt(3, b.mark), ErrAttempt)
	mustBe(t, j.Attempt(MaxAttempts+1, b.mark), ErrAttempt)
	mustBe(t, j.Commit(3, recordOf(3), b.charge(3)), ErrSecond)
	must(t, j.Commit(4, recordOf(4), b.charge(4)))
	must(t, j.Finish(4))
	_, err = j.Record(4)
	mustBe(t, err, ErrNone)
	if names, _ := filepath.Glob(filepath.Join(dir, "share-*")); len(names) > 0 {
		t.Fatalf("%v is left", names)
	}
	must(t, j.Close())
	j = open(t, b.options(dir))
	if j.Finished() != 4 || fmt.Sprint(j.Issued()) != "[1 4]" {
		t.Fatalf("finished %d, issued %v", j.Finished(), j.Issued())
	}
}

// A record without its charge was never sent: it is wiped, and its attempt is over.
func TestRecordWithoutChargeIsWiped(t *testing.T) {
	dir, b := t.TempDir(), newBook()
	j := open(t, b.options(dir))
	must(t, j.Attempt(1, b.mark))
	failure := errors.New("the ledger stopped")
	mustBe(t, j.Commit(1, recordOf(1), func(string) (secagg.Mark, error) { return secagg.Mark{}, failure }), failure)
	mustBe(t, j.Commit(1, recordOf(1), b.charge(1)), failure) // no second try
	mustBe(t, j.Attempt(2, b.mark), failure)
	must(t, j.Close())
	j = open(t, b.options(dir))
	_, err := j.Record(1)
	mustBe(t, err, ErrNone)
	if _, err := os.Stat(filepath.Join(dir, "share-1")); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("the void record is there: %v", err)
	}
	mustBe(t, j.Attempt(1, b.mark), ErrAttempt)
	must(t, j.Attempt(2, b.mark))
}

// A charge whose record is gone or changed is not answered with another share.
func TestDamage(t *testing.T) {
	for name, harm := range map[string]func(dir string) error{
		"gone":    func(d string) error { return os.Remove(filepath.Join(d, "share-1")) },
		"changed": func(d string) error { return os.WriteFile(filepath.Join(d, "share-1"), recordOf(2), 0o600) },
		"cut":     func(d string) error { return os.Truncate(filepath.Join(d, "share-1"), 100) },
		"state":   func(d string) error { return os.Truncate(filepath.Join(d, "state"), 100) },
		"flip": func(d string) error {
			b, err := os.ReadFile(filepath.Join(d, "state"))
			b[50] ^= 1
			return errors.Join(err, os.WriteFile(filepath.Join(d, "state"), b, 0o600))
		},
	} {
		dir, b := t.TempDir(), newBook()
		j := open(t, b.options(dir))
		must(t, j.Attempt(1, b.mark))
		must(t, j.Commit(1, recordOf(1), b.charge(1)))
		must(t, j.Close())
		must(t, harm(dir))
		if _, err := Open(b.options(dir)); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// An old copy of the journal, or of the ledger, is noticed from the other.
func TestRollback(t *testing.T) {
	dir, b := t.TempDir(), newBook()
	backup := filepath.Join(t.TempDir(), "backup")
	j := open(t, b.options(dir))
	must(t, j.Attempt(1, b.mark))
	must(t, j.Close())
	must(t, os.CopyFS(backup, os.DirFS(dir)))
	old := *b
	old.charged = map[uint64]string{}
	j = open(t, b.options(dir))
	must(t, j.Attempt(2, b.mark))
	must(t, j.Commit(2, recordOf(2), b.charge(2)))
	must(t, j.Attempt(3, b.mark))
	must(t, j.Close())

	_, err := Open(b.options(backup)) // journal of before, ledger of now
	mustBe(t, err, ErrRollback)
	_, err = Open(b.options(filepath.Join(t.TempDir(), "lost")))
	mustBe(t, err, ErrRollback)
	_, err = Open(old.options(dir)) // ledger of before, journal of now
	mustBe(t, err, ErrRollback)
	fork := b.options(dir)
	fork.Ledger.Head[5] ^= 1
	_, err = Open(fork)
	mustBe(t, err, ErrRollback)
	other := b.options(dir)
	other.Job[0] ^= 1
	_, err = Open(other)
	mustBe(t, err, ErrOther)
}

// A ledger put back to just before the charge is noticed, although it shows what it
// showed when the attempt began: the share is out, and must not pass for void.
func TestRollbackOfTheChargeAlone(t *testing.T) {
	dir, b := t.TempDir(), newBook()
	j := open(t, b.options(dir))
	must(t, j.Attempt(1, b.mark))
	old := b.options(dir)
	must(t, j.Commit(1, recordOf(1), b.charge(1)))
	must(t, j.Close())
	_, err := Open(old)
	mustBe(t, err, ErrRollback)
	j = open(t, b.options(dir))
	if _, err := j.Record(1); err != nil {
		t.Fatal(err)
	}
}

// A ledger put back and filled up with other leaves counts further than before and is
// noticed all the same, before anything of the share that is out is wiped.
func TestRollbackRefilled(t *testing.T) {
	for name, before := range map[string]uint64{"to before the attempt": 1, "to between the mark and the charge": 2} {
		dir, b := t.TempDir(), newBook()
		j := open(t, b.options(dir))
		old := *b
		b.mark = b.next()
		if before == 2 {
			old = *b
			old.past = slices.Clone(b.past)
		}
		must(t, j.Attempt(1, b.mark))
		must(t, j.Commit(1, recordOf(1), b.charge(1)))
		must(t, j.Close())
		old.charged, old.fork = map[uint64]string{}, 7
		for range 5 {
			old.mark = old.next()
		}
		if _, err := Open(old.options(dir)); !errors.Is(err, ErrRollback) {
			t.Errorf("%s: %v", name, err)
		}
		j = open(t, b.options(dir))
		if _, err := j.Record(1); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		j.o.Grown = old.grown
		mustBe(t, j.Attempt(2, old.mark), ErrRollback)
	}
}

// A charge that a crash left without a note is known from the next open on.
func TestRollbackAfterReopen(t *testing.T) {
	dir, b := t.TempDir(), newBook()
	j := open(t, b.options(dir))
	must(t, j.Attempt(1, b.mark))
	old := *b
	old.charged = map[uint64]string{}
	_, err := b.charge(1)(Digest(recordOf(1)))
	must(t, err)
	must(t, write(j.o.FS, j.share(1), recordOf(1)))
	must(t, j.Close())
	j = open(t, b.options(dir))
	must(t, j.Close())
	_, err = Open(old.options(dir))
	mustBe(t, err, ErrRollback)
}

// Peers' ledgers go forward, and past what they showed once they have sent a share,
// each by itself.
func TestPeers(t *testing.T) {
	dir, b := t.TempDir(), newBook()
	j := open(t, b.options(dir))
	must(t, j.Attempt(1, b.mark))
	must(t, j.Saw(1, []secagg.Mark{markOf(1), markOf(5), markOf(7)}))
	must(t, j.Saw(1, []secagg.Mark{markOf(1), markOf(5), markOf(9)}))
	mustBe(t, j.Saw(1, []secagg.Mark{markOf(1), markOf(4), markOf(9)}), ErrRollback)
	fork := markOf(5)
	fork.Head[9] = 1
	mustBe(t, j.Saw(1, []secagg.Mark{markOf(1), fork, markOf(9)}), ErrRollback)
	must(t, j.Shared(1, 1, markOf(5)))
	mustBe(t, j.Shared(2, 1, markOf(5)), ErrAttempt)
	mustBe(t, j.Shared(1, 3, markOf(5)), ErrOther)
	must(t, j.Close())
	j = open(t, b.options(dir))
	mustBe(t, j.Saw(2, []secagg.Mark{markOf(2), markOf(5), markOf(9)}), ErrRollback)
	must(t, j.Saw(2, []secagg.Mark{markOf(1), markOf(6), markOf(9)})) // the others have not shared
	if p := j.Peers()[1]; p.Counter != 6 || p.Charged {
		t.Fatalf("%+v", p)
	}
	// A late share of the earlier attempt was charged before the marks of the later one.
	must(t, j.Shared(1, 1, markOf(5)))
	mustBe(t, j.Shared(1, 2, markOf(9)), ErrRollback)
	must(t, j.Saw(2, []secagg.Mark{markOf(1), markOf(6), markOf(9)}))
	must(t, j.Shared(2, 2, markOf(9)))
	mustBe(t, j.Saw(3, []secagg.Mark{markOf(2), markOf(7), markOf(9)}), ErrRollback)
}

// story is a life of a journal; it notes what was acknowledged.
type story struct {
	b        *book
	attempt  uint64
	shares   map[uint64][]byte // acknowledged
	finished uint64
	peer     uint64
}

func (s *story) live(j *Journal) error {
	for range 3 {
		n := s.attempt + 1
		if err := j.Attempt(n, s.b.mark); err != nil {
			s.attempt++ // it may be stored: not used again
			return err
		}
		s.attempt = n
		if err := j.Saw(n, []secagg.Mark{s.b.mark, markOf(n * 3), markOf(n * 5)}); err != nil {
			return err
		}
		s.peer = n * 3
		if err := j.Commit(n, recordOf(n), s.b.charge(n)); err != nil {
			return err
		}
		s.shares[n] = recordOf(n)
		if err := j.Shared(n, 1, markOf(n*3)); err != nil {
			return err
		}
		if n%2 == 0 {
			s.finished = max(s.finished, n) // from here on the record may be gone
			if err := j.Finish(n); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *story) check(t *testing.T, what string, j *Journal) {
	t.Helper()
	if j.Highest() > s.attempt || len(s.shares) > 0 && len(j.Issued()) < len(s.shares) {
		t.Fatalf("%s: highest %d of %d, issued %v", what, j.Highest(), s.attempt, j.Issued())
	}
	for n, digest := range s.b.charged {
		b, err := j.Record(n)
		if n <= s.finished && errors.Is(err, ErrNone) {
			continue
		}
		if err != nil || Digest(b) != digest {
			t.Fatalf("%s: the charged share of attempt %d: %v", what, n, err)
		}
		if err := j.Commit(n, recordOf(99), s.b.charge(n)); !errors.Is(err, ErrSecond) {
			t.Fatalf("%s: a second share of attempt %d: %v", what, n, err)
		}
	}
	if p := j.Peers()[1]; p.Counter < s.peer {
		t.Fatalf("%s: the peer's counter %d, kept %d", what, p.Counter, s.peer)
	}
	s.attempt = max(s.attempt, j.Highest())
}

// Every fault at every file operation, a restart, another life, and the power failing:
// what was charged has its record, what was not charged has none, and no attempt has
// two.
func TestFaults(t *testing.T) {
	points := 0
	for _, f := range ledgertest.Faults() {
		for at, met := 1, true; met; at++ {
			random := rand.New(rand.NewPCG(uint64(at), 7))
			d, s := ledgertest.NewDisk(), &story{b: newBook(), shares: map[uint64][]byte{}}
			d.Fail(f, at)
			what := fmt.Sprintf("%s at %d", f, at)
			o := func() Options { o := s.b.options("/job"); o.FS = d; return o }
			if j, err := Open(o()); err == nil {
				err := s.live(j)
				if err != nil && d.Ops() < at {
					t.Fatalf("%s: %v", what, err)
				}
			}
			met = d.Ops() >= at
			points++
			for again := range 2 {
				d.Restart()
				if f == ledgertest.Power || f == ledgertest.Slow || again == 1 {
					d.Lose(random)
				}
				j, err := Open(o())
				if err != nil {
					t.Fatalf("%s: it does not open: %v", what, err)
				}
				s.check(t, what, j)
				for n := uint64(1); n <= s.attempt; n++ {
					if _, charged := s.b.charged[n]; !charged && d.Has(fmt.Sprintf("/job/share-%d", n)) {
						t.Fatalf("%s: a void record is left", what)
					}
				}
				must(t, s.live(j))
				s.check(t, what, j)
			}
		}
	}
	if points < 200 {
		t.Fatalf("only %d fault points", points)
	}
	t.Logf("%d fault points", points)
}

// A state that reads is one that was written.
func FuzzState(f *testing.F) {
	s := state{job: secagg.Hash{1}, highest: 5, finished: 3, own: Peer{markOf(2), true}, peers: []Peer{{markOf(1), true}, {markOf(4), false}, {}}}
	f.Add(s.bytes())
	f.Add([]byte(magic))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := parseState(b, 3)
		if err == nil && !bytes.Equal(got.bytes(), b) {
			t.Fatalf("%x reads as %x", b, got.bytes())
		}
	})
}
