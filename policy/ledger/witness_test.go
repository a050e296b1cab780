package ledger_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/qunxiang/qunxiang/policy/ledger"
	witnesses "github.com/qunxiang/qunxiang/policy/witness"
)

// keeper is a witness that remembers, and can be away. Its clock is the test's.
type keeper struct {
	*witnesses.Cosigner
	mu     sync.Mutex
	away   error
	newest []byte
	asked  int
	by     ledger.Witnesses // of the last time
	told   []ledger.Witnesses
	absent string // key of one who does not tell what it knows
	forge  func(checkpoint []byte) []byte
}

func newKeeper(c *clock) *keeper {
	own, err := cosignerOf("keeper.example", c.now)
	if err != nil {
		panic(err)
	}
	return &keeper{Cosigner: own}
}

func cosignerOf(name string, now func() time.Time) (*witnesses.Cosigner, error) {
	seed := sha256.Sum256([]byte("only for testing: " + name))
	return witnesses.NewCosigner(name, seed[:], now)
}

// witnessKey is the verifier key of a witness of tests.
func witnessKey(name string) string {
	c, err := cosignerOf(name, nil)
	if err != nil {
		panic(err)
	}
	return c.VerifierKey()
}

// cosigned adds a witness's line to a checkpoint.
func cosigned(checkpoint []byte, by note.Signer) []byte {
	text, _, _ := strings.Cut(string(checkpoint), "\n\n")
	signed, err := note.Sign(&note.Note{Text: text + "\n"}, by)
	if err != nil {
		panic(err)
	}
	return append(append([]byte(nil), checkpoint...), signed[len(text)+2:]...)
}

func (k *keeper) Cosign(_ context.Context, by ledger.Witnesses, checkpoint []byte, _ ledger.Prover) ([]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.asked, k.by = k.asked+1, by
	if k.away != nil {
		return nil, k.away
	}
	if k.forge != nil {
		return k.forge(checkpoint), nil
	}
	k.newest = append([]byte(nil), checkpoint...)
	return cosigned(checkpoint, k), nil
}

func (k *keeper) Newest(_ context.Context, by ledger.Witnesses) ([][]byte, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.told = append(k.told, by)
	switch {
	case k.away != nil:
		return nil, k.away
	case slices.Contains(by.Keys, k.absent):
		return nil, errors.New("not all of them answer")
	}
	if k.newest == nil {
		return nil, nil
	}
	return [][]byte{k.newest}, nil
}

func (k *keeper) set(away error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.away = away
}

// kept is a fresh ledger with a witnesses.
func kept(t *testing.T) (*ledger.Ledger, *keeper, *clock, ledger.Options) {
	t.Helper()
	c := newClock()
	k := newKeeper(c)
	o := options(t.TempDir(), c)
	o.Witness = k
	l := open(t, o)
	t.Cleanup(func() { _ = l.Close() })
	_, err := l.Grant(ctx, grant(1000))
	must(t, err)
	_, err = l.Snapshot(ctx, ledger.Snapshot{Snapshot: "snap-1", By: "steward-s"})
	must(t, err)
	return l, k, c, o
}

// While the witnesses are away nothing is charged and what was released waits; neither is
// lost, and both go on when they are back.
func TestWitnessAway(t *testing.T) {
	l, k, c, o := kept(t)
	at, err := l.Charge(ctx, charge("r-1", 1, c.now()))
	must(t, err)
	k.set(errors.New("unplugged"))
	c.step(2 * time.Second)
	out, err := l.Release(ctx, ledger.Release{Charge: at, ID: "r-1", Digest: digest("r-1")})
	want(t, err, ledger.ErrQuorum)
	if len(l.Find("key-1")) != 0 {
		t.Fatal("a release is shown that no witness knows")
	}
	if s, err := ledger.Read(o.Dir, verifier(t)); err != nil || len(s.Find("key-1")) != 0 {
		t.Fatalf("a reader is shown it (%v)", err)
	}
	spent := l.Spent(life)
	_, err = l.Charge(ctx, charge("r-2", 1, c.now()))
	want(t, err, ledger.ErrQuorum)
	_, err = l.Reserve(ctx, reserve("job-1", 1))
	want(t, err, ledger.ErrQuorum)
	if l.Spent(life) != spent {
		t.Fatal("a refused charge was counted")
	}
	want(t, l.Away(), ledger.ErrQuorum)
	_, err = l.Snapshot(ctx, ledger.Snapshot{Snapshot: "snap-2", By: "steward-s"}) // it counts, and is shown later
	must(t, err)
	must(t, l.Close())
	l = open(t, o) // away still
	defer l.Close()
	want(t, l.Deliver(ctx, out), ledger.ErrQuorum)
	c.step(2 * time.Second)
	k.set(nil)
	must(t, l.Deliver(ctx, out))
	if len(l.Find("key-1")) != 1 {
		t.Fatal("the release that waited is not shown")
	}
	must(t, l.Meet(ctx))
	must(t, l.Away())
	_, err = l.Charge(ctx, charge("r-2", 1, c.now()))
	must(t, err)
}

// Of witnesses that nobody has heard of for a while, nobody knows that they are there.
func TestWitnessSilent(t *testing.T) {
	w, k, _ := watchedBy(t)
	w.c.step(ledger.Contact + time.Second)
	want(t, w.charge("r-1"), ledger.ErrQuorum)
	must(t, w.Meet(ctx))
	must(t, w.charge("r-1"))
	k.forge = func([]byte) []byte { return []byte("another\n") }
	want(t, w.Meet(ctx), ledger.ErrQuorum) // what came back is not what was sent
	want(t, w.charge("r-2"), ledger.ErrQuorum)
}

// What comes back from the witnesses counts by its signatures: whatever a client says, a
// checkpoint without the quorum of the policy in force is not published, delivers nothing
// and lets nothing be charged.
func TestCosignaturesAreVerified(t *testing.T) {
	stranger, err := cosignerOf("stranger.example", nil)
	must(t, err)
	namesake, err := witnesses.NewCosigner("keeper.example", bytes.Repeat([]byte{7}, 32), nil)
	must(t, err)
	for what, forge := range map[string]func(k *keeper, c []byte) []byte{
		"a copy alone":       func(_ *keeper, c []byte) []byte { return c },
		"a stranger":         func(_ *keeper, c []byte) []byte { return cosigned(c, stranger) },
		"a namesake":         func(_ *keeper, c []byte) []byte { return cosigned(c, namesake) },
		"a wrong signature":  reSigned,
		"another checkpoint": func(k *keeper, c []byte) []byte { return cosigned(another(c), k) },
	} {
		w, k, o := watchedBy(t)
		must(t, w.charge("r-1"))
		k.forge = func(c []byte) []byte { return forge(k, c) }
		w.c.step(2 * time.Second)
		before, err := os.ReadFile(filepath.Join(o.Dir, "checkpoint"))
		must(t, err)
		_, err = w.Release(ctx, ledger.Release{Charge: w.Requests()[0].Index, ID: "r-1", Digest: digest("r-1")})
		want(t, err, ledger.ErrQuorum)
		after, err := os.ReadFile(filepath.Join(o.Dir, "checkpoint"))
		must(t, err)
		if string(after) != string(before) || string(w.Newest()) != string(before) || len(w.Find("key-1")) != 0 {
			t.Errorf("%s: published all the same", what)
		}
		w.c.step(2 * time.Second)
		want(t, w.Meet(ctx), ledger.ErrQuorum)
		want(t, w.charge("r-2"), ledger.ErrQuorum)
		k.forge = nil
		w.c.step(2 * time.Second)
		must(t, w.Meet(ctx))
		must(t, w.charge("r-2"))
	}
}

// another is a checkpoint of more leaves.
func another(checkpoint []byte) []byte {
	return bytes.Replace(checkpoint, []byte(population+"\n"), []byte(population+"\n1"), 1)
}

// reSigned is a checkpoint with a witness's line that is over another one.
func reSigned(k *keeper, checkpoint []byte) []byte {
	other := another(checkpoint)
	return append(append([]byte(nil), checkpoint...), cosigned(other, k)[len(other):]...)
}

// A policy that names other witnesses asks for them from the checkpoint on that covers it:
// the quorum from before admits no further charge, nor is a release shown by it.
func TestOtherWitnessesInForce(t *testing.T) {
	w, k, _ := watchedBy(t)
	must(t, w.charge("r-1"))
	second := supervised(1000)
	second.Policy = "two witnesses"
	second.Witnesses = ledger.Witnesses{Keys: []string{witnessKey("keeper.example"), witnessKey("second.example")}, Quorum: 2}
	w.approveLeaf(ledger.SubjectGrant, &second, "ada", "bo")
	_, err := w.Grant(ctx, second)
	must(t, err)
	w.approveLeaf(ledger.SubjectGrant, &second, "ada", "bo")
	want(t, w.charge("r-2"), ledger.ErrQuorum)
	w.c.step(2 * time.Second)
	_, err = w.Release(ctx, ledger.Release{Charge: w.Requests()[0].Index, ID: "r-1", Digest: digest("r-1")})
	want(t, err, ledger.ErrQuorum)
	if k.by.Quorum != 2 || len(w.Find("key-1")) != 0 {
		t.Fatalf("asked for %d, a release is shown", k.by.Quorum)
	}
	other, err := cosignerOf("second.example", w.c.now)
	must(t, err)
	k.forge = func(c []byte) []byte { return cosigned(cosigned(c, k), other) }
	w.c.step(2 * time.Second)
	must(t, w.Meet(ctx))
	must(t, w.charge("r-2"))
}

// Two sets of witnesses that meet the quorum have one in common, so that honest ones never
// cosign two histories.
func TestQuorumIsMoreThanHalf(t *testing.T) {
	names := []string{"w1.example", "w2.example", "w3.example", "w4.example"}
	for n := 1; n <= len(names); n++ {
		for quorum := range n + 2 {
			l, _, _, _ := kept(t)
			g := supervised(1000)
			g.Witnesses = ledger.Witnesses{Quorum: int64(quorum)}
			for _, name := range names[:n] {
				g.Witnesses.Keys = append(g.Witnesses.Keys, witnessKey(name))
			}
			_, err := l.Grant(ctx, g)
			if ok := quorum <= n && 2*quorum > n; ok != (err == nil) || err != nil && !errors.Is(err, ledger.ErrSupervised) {
				t.Errorf("%d of %d: %v", quorum, n, err)
			}
		}
	}
}

// Many that wait for the same witnesses do not ask them one after another.
func TestWitnessAskedOnce(t *testing.T) {
	l, k, c, _ := kept(t)
	var charges []int64
	for i := range 20 {
		at, err := l.Charge(ctx, charge(fmt.Sprint("r-", i), 1, c.now()))
		must(t, err)
		charges = append(charges, at)
	}
	k.set(errors.New("unplugged"))
	c.step(2 * time.Second)
	before := k.asked
	var all sync.WaitGroup
	for i, at := range charges {
		all.Go(func() {
			_, err := l.Release(ctx, ledger.Release{Charge: at, ID: fmt.Sprint("r-", i), Digest: digest(fmt.Sprint("r-", i))})
			want(t, err, ledger.ErrQuorum)
		})
	}
	all.Wait()
	if n := k.asked - before; n > 20 {
		t.Fatalf("asked %d times", n)
	}
	before = k.asked
	want(t, l.Deliver(ctx, charges[0]+20), ledger.ErrQuorum)
	if k.asked != before {
		t.Fatal("asked again within a second of nothing")
	}
}

// An old disk that is put back, or another log by the same key, is refused before
// anything is appended, and at the latest before the next charge.
func TestRolledBack(t *testing.T) {
	for _, away := range []bool{false, true} {
		l, k, c, o := kept(t)
		must(t, l.Close())
		old := copyDir(t, o.Dir)
		l = open(t, o)
		_, err := l.Charge(ctx, charge("r-1", 1, c.now()))
		must(t, err)
		must(t, l.Close())
		longer := k.newest
		o.Dir = old
		before, err := os.ReadFile(filepath.Join(old, "wal"))
		must(t, err)
		if away {
			k.set(errors.New("unplugged"))
			l = open(t, o)
			_, err := l.Charge(ctx, charge("r-2", 1, c.now()))
			want(t, err, ledger.ErrQuorum)
			k.set(fmt.Errorf("%w: it knows more", ledger.ErrRolledBack))
			c.step(2 * time.Second)
			want(t, l.Meet(ctx), ledger.ErrRolledBack)
			_, err = l.Charge(ctx, charge("r-2", 1, c.now()))
			want(t, err, ledger.ErrStopped)
			_ = l.Close()
			continue
		}
		_, err = ledger.Open(o)
		want(t, err, ledger.ErrRolledBack)
		after, err := os.ReadFile(filepath.Join(old, "wal"))
		must(t, err)
		if string(after) != string(before) {
			t.Fatal("it was written to")
		}
		// Refilled to the same length it is another log.
		o.Witness = nil
		l = open(t, o)
		_, err = l.Charge(ctx, charge("r-other", 1, c.now()))
		must(t, err)
		must(t, l.Close())
		k.newest, o.Witness = longer, k
		_, err = ledger.Open(o)
		want(t, err, ledger.ErrRolledBack)
	}
}

func copyDir(t *testing.T, dir string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "copy")
	must(t, os.CopyFS(to, os.DirFS(dir)))
	return to
}

// second is a signer that shows the head it was made for.
type second struct{ head [32]byte }

func (s second) Name() string                { return population }
func (s second) KeyHash() uint32             { return 7 }
func (s second) Sign([]byte) ([]byte, error) { return s.head[:], nil }

// The second signature is over the head of the SM3 chain at the checkpoint's size.
func TestSecondSignature(t *testing.T) {
	c := newClock()
	o := options(t.TempDir(), c)
	var heads []string
	o.Second = func(head [32]byte) note.Signer {
		heads = append(heads, fmt.Sprintf("%x", head))
		return second{head}
	}
	l := open(t, o)
	_, err := l.Grant(ctx, grant(1000))
	must(t, err)
	_, err = l.Snapshot(ctx, ledger.Snapshot{Snapshot: "snap-1", By: "steward-s"})
	must(t, err)
	check := func(l *ledger.Ledger) {
		t.Helper()
		_, raw, err := l.Leaf(l.Size() - 1)
		must(t, err)
		if got := heads[len(heads)-1]; got != ledger.Link(raw) {
			t.Fatalf("signed the head %s, want %s", got, ledger.Link(raw))
		}
	}
	check(l)
	for i := range 3 {
		_, err = l.Charge(ctx, charge(fmt.Sprint("r-", i), 1, c.now()))
		must(t, err)
	}
	text, err := l.Checkpoint(ctx)
	must(t, err)
	check(l)
	if n := strings.Count(string(text), "\n— "+population); n != 2 {
		t.Fatalf("%d signatures:\n%s", n, text)
	}
	must(t, l.Close())
	l = open(t, o)
	defer l.Close()
	check(l)
}
