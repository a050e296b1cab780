package ledger_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/qunxiang/qunxiang/policy/audit"
	"github.com/qunxiang/qunxiang/policy/ledger"
	"github.com/qunxiang/qunxiang/policy/ledger/ledgertest"
	pinned "github.com/qunxiang/qunxiang/policy/witness"
)

var newer = ed25519.NewKeyFromSeed([]byte("another Ed25519 seed for testing"))

// newKey is a key that waits, and the leaf that puts it in force.
func newKey(t testing.TB, key ed25519.PrivateKey) (ledger.Second, ledger.Key) {
	t.Helper()
	s, err := ledger.NewSigner(population, key)
	must(t, err)
	return s, ledger.Key{Use: "log", Algorithm: "ed25519", Public: ledger.VerifierKey(population, key.Public().(ed25519.PublicKey)), By: "steward-c"}
}

// by is whose signature a checkpoint bears.
func by(t testing.TB, checkpoint []byte, keys ...ed25519.PrivateKey) (signed []int) {
	t.Helper()
	for i, key := range keys {
		v, err := note.NewVerifier(ledger.VerifierKey(population, key.Public().(ed25519.PublicKey)))
		must(t, err)
		if _, err := note.Open(checkpoint, note.VerifierList(v)); err == nil {
			signed = append(signed, i)
		}
	}
	return signed
}

// audited is what an auditor finds who has pinned keys.
func audited(t testing.TB, dir string, keys ...string) string {
	t.Helper()
	trust, err := pinned.ParseTrust([]byte("log " + strings.Join(keys, "\nlog ") + "\nquorum none\n"))
	must(t, err)
	r, err := audit.Verify(ctx, audit.Options{Log: os.DirFS(dir), Trust: trust, WithoutReleases: true})
	must(t, err)
	return strings.Join(r.Found(), " ")
}

// A new key signs what has leaves after its own; the key before signs up to there, and
// whoever knows that one follows.
func TestRotation(t *testing.T) {
	l, _, c, o := kept(t)
	next, k := newKey(t, newer)
	at, err := l.Rekey(ctx, k, next)
	must(t, err)
	if got := by(t, l.Newest(), private, newer); len(got) != 1 || got[0] != 0 {
		t.Fatalf("the KEY leaf's checkpoint is signed by %v", got)
	}
	must(t, l.Meet(ctx))
	if got := by(t, l.Newest(), private, newer); len(got) != 1 || got[0] != 0 {
		t.Fatalf("and once more by %v", got)
	}
	must(t, l.Close())
	o.Next = []ledger.Second{next} // a restart between the KEY leaf and the new key's first checkpoint
	l = open(t, o)
	if got := l.Retired("ed25519", verifier(t)); got {
		t.Fatal("the old key still has to sign")
	}
	charged, _ := answer(t, l, c, "r-1", 1)
	if got := by(t, l.Newest(), private, newer); charged != at+1 || len(got) != 1 || got[0] != 1 {
		t.Fatalf("after leaf %d it is signed by %v", at, got)
	}
	if !l.Retired("ed25519", verifier(t)) || l.Retired("ed25519", k.Public) || l.SigningKey("log", "ed25519") != k.Public {
		t.Fatal("the old key is not known to be retired")
	}
	must(t, l.Close())
	if got := audited(t, o.Dir, verifier(t)); got != "" {
		t.Errorf("by the first key: %s", got)
	}
	if got := audited(t, o.Dir, k.Public); got != "" {
		t.Errorf("by the new key: %s", got)
	}
	must(t, os.Remove(filepath.Join(o.Dir, ledger.HandoverName(1))))
	if got := audited(t, o.Dir, verifier(t)); got != "key-unpinned" {
		t.Errorf("by the first key, with nothing handed over: %q", got)
	}
	_, err = ledger.Read(o.Dir, verifier(t))
	want(t, err, ledger.ErrCorrupt)
	for _, keys := range [][]string{{k.Public}, {verifier(t), k.Public}} {
		if _, err := ledger.Read(o.Dir, keys...); err != nil {
			t.Errorf("%d keys: %v", len(keys), err)
		}
	}
	o.Next, o.Signer = nil, newer // the old private key is gone
	must(t, open(t, o).Close())
	o.Known = []string{verifier(t)}
	must(t, open(t, o).Close())
}

// However many leaves become durable at once, the old key hands over at the KEY leaf.
func TestRotationAmongOthers(t *testing.T) {
	l, k, c, o := kept(t)
	k.set(errors.New("unplugged")) // nothing is published meanwhile
	next, change := newKey(t, newer)
	_, err := l.Deny(ctx, ledger.Deny{Principal: "p", Rule: "r"})
	must(t, err)
	_, err = l.Rekey(ctx, change, next)
	must(t, err)
	third, again := newKey(t, ed25519.NewKeyFromSeed([]byte("a third Ed25519 seed for testing")))
	_, err = l.Rekey(ctx, again, third)
	must(t, err)
	_, err = l.Deny(ctx, ledger.Deny{Principal: "p", Rule: "r"})
	must(t, err)
	must(t, l.Close())
	o.Next = []ledger.Second{next, third}
	l = open(t, o)
	k.set(nil)
	c.step(2 * time.Second)
	must(t, l.Meet(ctx))
	must(t, l.Close())
	if got := audited(t, o.Dir, verifier(t)); got != "" {
		t.Errorf("by the first key: %s", got)
	}
	if got := audited(t, o.Dir, change.Public); got != "" {
		t.Errorf("by the second key: %s", got)
	}
}

// A retired key's checkpoint is none, in the ledger as for the auditor.
func TestRetiredKeySigns(t *testing.T) {
	l, _, c, o := kept(t)
	next, k := newKey(t, newer)
	_, err := l.Rekey(ctx, k, next)
	must(t, err)
	answer(t, l, c, "r-1", 1)
	text := l.Newest()
	must(t, l.Close())
	body, _, _ := strings.Cut(string(text), "\n\n")
	old, err := ledger.NewSigner(population, private)
	must(t, err)
	forged, err := note.Sign(&note.Note{Text: body + "\n"}, old([32]byte{}))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(o.Dir, "checkpoint"), forged, 0o600))
	o.Next = []ledger.Second{next}
	_, err = ledger.Open(o)
	want(t, err, ledger.ErrCorrupt)
	_, err = ledger.Read(o.Dir, verifier(t), k.Public)
	want(t, err, ledger.ErrCorrupt)
	if got := audited(t, o.Dir, verifier(t), k.Public); got != "key-retired" {
		t.Errorf("found %q", got)
	}
}

// Keys change by two people's word, to what can sign this log, and never back.
func TestRekeyRefused(t *testing.T) {
	w, _ := overseen(t)
	next, k := newKey(t, newer)
	_, err := w.Rekey(ctx, k, next)
	want(t, err, ledger.ErrApproval)
	must(t, w.ask("r-1"))
	must(t, w.Meet(ctx))
	if got := by(t, w.Newest(), private, newer); len(got) != 1 || got[0] != 0 {
		t.Fatalf("a key that waits has signed: %v", got)
	}
	w.approveLeaf(ledger.SubjectKey, &k, "ada", "bo")
	_, err = w.Rekey(ctx, k, nil)
	want(t, err, ledger.ErrKey)
	other, _ := newKey(t, private)
	_, err = w.Rekey(ctx, k, other)
	want(t, err, ledger.ErrKey)
	lost := k
	lost.Lost = true // another leaf than they approved
	_, err = w.Rekey(ctx, lost, next)
	want(t, err, ledger.ErrApproval)
	_, err = w.Rekey(ctx, k, next)
	must(t, err)
	_, err = w.Rekey(ctx, k, next)
	want(t, err, ledger.ErrKey)
	foreign, err := ledger.NewSigner("elsewhere", newer)
	must(t, err)
	k.Public = ledger.VerifierKey("elsewhere", newer.Public().(ed25519.PublicKey))
	_, err = w.Rekey(ctx, k, foreign)
	want(t, err, ledger.ErrKey)
}

// Nor does the log's first key come back, which no KEY leaf names, before a restart or after.
func TestFirstKeyComesBack(t *testing.T) {
	l, _, c, o := kept(t)
	next, k := newKey(t, newer)
	first, back := newKey(t, private)
	_, err := l.Rekey(ctx, k, next)
	must(t, err)
	_, err = l.Rekey(ctx, back, first)
	want(t, err, ledger.ErrKey)
	answer(t, l, c, "r-1", 1)
	must(t, l.Close())
	o.Next = []ledger.Second{next}
	l = open(t, o)
	_, err = l.Rekey(ctx, back, first)
	want(t, err, ledger.ErrKey)
	must(t, l.Close())
	o.Signer, o.Next, o.Known = newer, nil, []string{verifier(t)}
	l = open(t, o)
	_, err = l.Rekey(ctx, back, first)
	want(t, err, ledger.ErrKey)
	must(t, l.Close())

	o.Known = nil // a writer who does not know it: who does, reads no such log
	l = open(t, o)
	_, err = l.Rekey(ctx, back, first)
	must(t, err)
	answer(t, l, c, "r-2", 1)
	must(t, l.Close())
	_, err = ledger.Read(o.Dir, verifier(t), k.Public)
	want(t, err, ledger.ErrCorrupt)
	o.Known = []string{verifier(t)}
	_, err = ledger.Open(o)
	want(t, err, ledger.ErrCorrupt)
	if got := audited(t, o.Dir, verifier(t)); got != "key-retired" {
		t.Errorf("the auditor who pinned it finds %q", got)
	}
}

// With the log's key lost nothing is charged, but approvals count; two people put a new
// one in its place, and the auditor is told to pin it.
func TestLostSigner(t *testing.T) {
	l, _, c, o := kept(t)
	w, g := world{t, l, c}, supervised(1000)
	_, err := l.Grant(ctx, g)
	must(t, err)
	w.approveLeaf(ledger.SubjectGrant, &g, "ada", "bo")
	w.approveLeaf(ledger.SubjectSnapshot, &ledger.Snapshot{Snapshot: "snap-1", By: "steward-s"}, "ada", "bo")
	w.approve(ledger.SubjectTemplate, templateDigest, "ada", "bo")
	must(t, w.ask("r-1"))
	spent := l.Spent(life)
	must(t, l.Close())
	o.Signer, o.Lost = nil, verifier(t)
	w.Ledger = open(t, o)
	defer func() { _ = w.Close() }()
	signed := w.Newest()
	next, k := newKey(t, newer)
	refused := func() {
		t.Helper()
		want(t, w.Meet(ctx), ledger.ErrSigner)
		want(t, w.Away(), ledger.ErrQuorum)
		ch := charge("r-2", 1, c.now())
		ch.TemplateDigest = templateDigest
		ch = under(w.Ledger, ch)
		_, err := w.Charge(ctx, ch)
		want(t, err, ledger.ErrSigner)
		if string(w.Newest()) != string(signed) {
			t.Fatal("something was signed")
		}
	}
	refused()
	k.Lost = true
	_, err = w.Rekey(ctx, k, next)
	want(t, err, ledger.ErrApproval)
	refused()
	w.approveLeaf(ledger.SubjectKey, &k, "ada", "bo")
	at, err := w.Rekey(ctx, k, next)
	must(t, err)
	if got := by(t, w.Newest(), private, newer); len(got) != 1 || got[0] != 1 || w.Size() != at+1 {
		t.Fatalf("the new key has not signed its own leaf: %v", got)
	}
	must(t, w.ask("r-2"))
	if got := w.Spent(life); got.Rho != spent.Rho+1 {
		t.Fatalf("spent %v, then %v", spent, got)
	}
	must(t, w.Meet(ctx))
	if got := audited(t, o.Dir, verifier(t)); got != "key-unpinned" && got != "key-unpinned not-witnessed" {
		t.Errorf("by the lost key: %q", got)
	}
	o.Signer, o.Lost = newer, ""
	must(t, w.Close())
	must(t, open(t, o).Close())
}

// Whatever operation fails while a key changes, a restart goes on: under one key or the
// other, and whoever knows the first follows.
func TestRotationCrash(t *testing.T) {
	next, k := newKey(t, newer)
	first := verifier(t)
	life := func(d *ledgertest.Disk, c *clock) (told bool) {
		o := options("dir", c)
		o.FS, o.Next = d, []ledger.Second{next}
		l, err := ledger.Open(o)
		if err != nil {
			return false
		}
		defer func() { _ = l.Close() }()
		if _, err = l.Grant(ctx, grant(1000)); err == nil && len(l.Snapshots()) == 0 {
			_, err = l.Snapshot(ctx, ledger.Snapshot{Snapshot: "snap-1", By: "steward-s"})
		}
		if err == nil && l.SigningKey("log", "ed25519") == "" {
			_, err = l.Rekey(ctx, k, next)
		}
		if err != nil {
			return false
		}
		id := "r-" + c.now().String()
		at, err := l.Charge(ctx, charge(id, 1, c.now()))
		if err != nil {
			return false
		}
		c.step(2 * time.Second)
		_, err = l.Release(ctx, ledger.Release{Charge: at, ID: id, Digest: digest(id)})
		return err == nil
	}
	whole := ledgertest.NewDisk()
	if !life(whole, newClock()) {
		t.Fatal("it does not even work")
	}
	points, faults := whole.Ops(), ledgertest.Faults()
	step := 1
	if !long() {
		step = 5
	}
	trust, err := pinned.ParseTrust([]byte("log " + first + "\nquorum none\n"))
	must(t, err)
	for i, f := range faults {
		for at := 1 + i%step; at <= points; at += step {
			d, c := ledgertest.NewDisk(), newClock()
			d.Fail(f, at)
			life(d, c)
			d.Restart()
			if at%2 == 0 {
				d.Lose(rand.New(rand.NewPCG(uint64(i), uint64(at))))
			}
			c.step(time.Minute)
			if !life(d, c) {
				t.Fatalf("%s at operation %d: it does not go on", f, at)
			}
			r, err := audit.Verify(context.Background(), audit.Options{Log: fstest.MapFS(d.Files("dir")), Trust: trust, WithoutReleases: true})
			must(t, err)
			if !r.OK() {
				t.Fatalf("%s at operation %d: %+v", f, at, r.Findings)
			}
		}
	}
	t.Logf("%d faults at every %dth of %d operations", len(faults), step, points)
}

// The SM2 key changes as the other does; each signature is over the head of the chain at
// its own size, also after a restart.
func TestRotationOfSM2(t *testing.T) {
	l, k, c, o := kept(t)
	must(t, l.Close())
	sm2 := func(fill byte) (ledger.Second, *pinned.SM2Signer) {
		s, err := pinned.NewSM2Signer(population, bytes.Repeat([]byte{fill}, 32))
		must(t, err)
		return func(head [32]byte) note.Signer { return s.WithHead(head) }, s
	}
	var old, next *pinned.SM2Signer
	var later ledger.Second
	o.Second, old = sm2(4)
	later, next = sm2(5)
	l = open(t, o)
	k.set(errors.New("unplugged"))
	_, err := l.Rekey(ctx, ledger.Key{Use: "log", Algorithm: "sm2", Public: next.VerifierKey(), By: "steward-c"}, later)
	must(t, err)
	_, err = l.Deny(ctx, ledger.Deny{Principal: "p", Rule: "r"})
	must(t, err)
	must(t, l.Close())
	o.Next = []ledger.Second{later}
	l = open(t, o)
	k.set(nil)
	c.step(2 * time.Second)
	must(t, l.Meet(ctx))
	must(t, l.Close())
	if got := audited(t, o.Dir, verifier(t), old.VerifierKey()); got != "" {
		t.Errorf("by the first keys: %s", got)
	}
	if got := audited(t, o.Dir, verifier(t), next.VerifierKey()); got != "" {
		t.Errorf("by the new SM2 key: %s", got)
	}
	o.Second, o.Next = nil, nil
	o.SecondLost = true
	l = open(t, o)
	defer l.Close()
	want(t, l.Meet(ctx), ledger.ErrSigner)
	_, err = l.Charge(ctx, charge("r-1", 1, c.now()))
	want(t, err, ledger.ErrSigner)
}
