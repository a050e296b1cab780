package ledger_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/qunxiang/qunxiang/policy/ledger"
	witnesses "github.com/qunxiang/qunxiang/policy/witness"
)

// several are witnesses each of whom goes on from what it has cosigned itself, and tells of
// nothing else. Any may be away.
type several struct {
	c     *clock
	known map[string]witnesses.Checkpoint // by witness
	notes map[string][]byte
	away  map[string]bool
}

func newSeveral(c *clock) *several {
	return &several{c, map[string]witnesses.Checkpoint{}, map[string][]byte{}, map[string]bool{}}
}

func nameOf(key string) string {
	name, _, _ := strings.Cut(key, "+")
	return name
}

func (s *several) Cosign(ctx context.Context, by ledger.Witnesses, text []byte, prove ledger.Prover) ([]byte, error) {
	body, _, _ := strings.Cut(string(text), "\n\n")
	now, err := witnesses.ParseCheckpoint(body + "\n")
	if err != nil {
		return nil, err
	}
	signed := text
	for _, key := range by.Keys {
		name := nameOf(key)
		if s.away[name] {
			return nil, errAway
		}
		was := s.known[name]
		if was.Size > now.Size || was.Size == now.Size && was.Size > 0 && was.Root != now.Root {
			return nil, fmt.Errorf("%w: %s knows %d leaves", ledger.ErrRolledBack, name, was.Size)
		}
		if 0 < was.Size && was.Size < now.Size {
			proof, err := prove(ctx, was.Size, now.Size)
			if err != nil {
				return nil, err
			}
			if err := tlog.CheckTree(proof, now.Size, now.Root, was.Size, was.Root); err != nil {
				return nil, fmt.Errorf("%w: %w", ledger.ErrRolledBack, err)
			}
		}
		own, err := cosignerOf(name, s.c.now)
		if err != nil {
			return nil, err
		}
		s.known[name], s.notes[name] = now, text
		signed = cosigned(signed, own)
	}
	return signed, nil
}

func (s *several) Newest(_ context.Context, by ledger.Witnesses) (all [][]byte, err error) {
	for _, key := range by.Keys {
		if s.away[nameOf(key)] {
			return all, errAway
		}
		if text := s.notes[nameOf(key)]; text != nil {
			all = append(all, text)
		}
	}
	return all, nil
}

const first, later = "keeper.example", "second.example"

// succeeded is a domain of the first witness, in which two have approved a policy with the
// later one.
func succeeded(t *testing.T) (w world, s *several, o ledger.Options, next ledger.Grant) {
	t.Helper()
	c := newClock()
	s = newSeveral(c)
	o = options(t.TempDir(), c)
	o.Witness = s
	w = world{t, open(t, o), c}
	_, err := w.Grant(ctx, grant(1000))
	must(t, err)
	_, err = w.Snapshot(ctx, ledger.Snapshot{Snapshot: "snap-1", By: "steward-s"})
	must(t, err)
	g := supervised(1000)
	_, err = w.Grant(ctx, g)
	must(t, err)
	w.approveLeaf(ledger.SubjectGrant, &g, "ada", "bo")
	w.approveLeaf(ledger.SubjectSnapshot, &ledger.Snapshot{Snapshot: "snap-1", By: "steward-s"}, "ada", "bo")
	w.approve(ledger.SubjectTemplate, templateDigest, "ada", "bo")
	next = supervised(1000)
	next.Policy, next.Witnesses = "other witnesses", ledger.Witnesses{Keys: []string{witnessKey(later)}, Quorum: 1}
	w.approveLeaf(ledger.SubjectGrant, &next, "ada", "bo")
	return w, s, o, next
}

// succeed puts the policy in force, with the approvals that its charges need.
func (w world) succeed(next ledger.Grant) {
	w.Helper()
	_, err := w.Grant(ctx, next)
	must(w.T, err)
	w.approveLeaf(ledger.SubjectGrant, &next, "ada", "bo")
}

// A disk from just before other witnesses were named is held against those from before, who
// have to know of it though nothing was charged under them since.
func TestOldDiskFromBeforeOtherWitnesses(t *testing.T) {
	w, s, o, next := succeeded(t)
	must(t, w.Close())
	old := copyDir(t, o.Dir)
	w.Ledger = open(t, o)
	w.succeed(next)
	for i := range 2 {
		must(t, w.ask(fmt.Sprint("r-", i)))
	}
	must(t, w.Close())
	if s.known[first].Size >= s.known[later].Size {
		t.Error("those who are retired are asked still")
	}
	w.Ledger = open(t, o) // itself it goes on, also while they are away
	s.away[first] = true
	must(t, w.ask("r-5"))
	must(t, w.Close())
	s.away[first] = false
	o.Dir = old
	if _, err := ledger.Open(o); err == nil {
		t.Error("it is opened")
	} else {
		want(t, err, ledger.ErrRolledBack)
	}
}

// Before those who are retired know of it nothing is charged and no answer shown, also after
// a stop or a crash in between.
func TestRetiringQuorumIsAway(t *testing.T) {
	w, s, o, next := succeeded(t)
	must(t, w.ask("r-1"))
	s.away[first] = true
	w.succeed(next)
	waits := func() {
		t.Helper()
		w.c.step(2 * time.Second)
		err := w.Meet(ctx)
		want(t, err, ledger.ErrQuorum)
		want(t, w.charge("r-2"), ledger.ErrQuorum)
		if s.notes[later] != nil || len(w.Find("key-1")) != 0 {
			t.Fatal("those who come after them have cosigned, or an answer is shown")
		}
	}
	w.c.step(2 * time.Second)
	out, err := w.Release(ctx, ledger.Release{Charge: w.Requests()[0].Index, ID: "r-1", Digest: digest("r-1")})
	want(t, err, ledger.ErrQuorum)
	waits()
	crash := copyDir(t, o.Dir)
	must(t, w.Close())
	for _, o.Dir = range []string{o.Dir, crash} {
		s.away[first], s.away[later] = true, false
		if o.Dir == crash {
			s.known, s.notes = map[string]witnesses.Checkpoint{}, map[string][]byte{}
		}
		w.Ledger = open(t, o)
		want(t, w.Unmet(), ledger.ErrUnmet)
		waits()
		s.away[first], s.away[later] = false, true // it is retired, and nobody is in its place
		w.c.step(2 * time.Second)
		want(t, w.Meet(ctx), ledger.ErrQuorum)
		want(t, w.charge("r-2"), ledger.ErrQuorum)
		s.away[later] = false
		w.c.step(2 * time.Second)
		must(t, w.Meet(ctx))
		must(t, w.Deliver(ctx, out))
		must(t, w.charge("r-2"))
		must(t, w.Close())
	}
}

// Who vouches for the disk goes on without those who are lost; not where they say that it is
// an old one.
func TestRetiringQuorumIsLost(t *testing.T) {
	w, s, o, next := succeeded(t)
	must(t, w.Close())
	old := copyDir(t, o.Dir)
	s.away[first] = true
	o.Vouched = true
	w.Ledger = open(t, o)
	w.succeed(next)
	must(t, w.ask("r-1"))
	must(t, w.Close())
	o.Vouched = false
	w.Ledger = open(t, o) // once that is done nobody has to vouch for it
	must(t, w.ask("r-2"))
	must(t, w.Close())

	o.Dir, o.Vouched = old, true
	s.away[later], s.notes = true, map[string][]byte{}
	w.Ledger = open(t, o)
	_, err := w.Grant(ctx, next)
	must(t, err)
	known := s.known[later]
	known.Size += 100
	s.known[first], s.away[first] = known, false
	w.c.step(2 * time.Second)
	want(t, w.Meet(ctx), ledger.ErrRolledBack)
	want(t, w.charge("r-3"), ledger.ErrStopped)
	_ = w.Close()
}
