package ledger_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// writes tries every kind of leaf that somebody may ask for.
func (w world) writes() map[string]error {
	next := supervised(900)
	next.Policy = "another"
	out := map[string]error{}
	_, out["approve"] = w.Approve(ctx, says("cy", ledger.SubjectTemplate, templateDigest, w.c.now()))
	_, out["take back"] = w.Approve(ctx, says("ada", ledger.SubjectTemplate, templateDigest, w.c.now(), revoked))
	_, out["policy"] = w.Grant(ctx, next)
	_, out["snapshot"] = w.Snapshot(ctx, ledger.Snapshot{Snapshot: "snap-9", By: "steward-s"})
	_, out["deny"] = w.Deny(ctx, ledger.Deny{Principal: "insurer-a", Rule: "grant"})
	_, out["reserve"] = w.Reserve(ctx, reserve("job-1", 1))
	out["charge"] = w.charge("r-9")
	out["attempt"] = w.Attempted(ctx, "steward-c", "a policy")
	return out
}

// A domain that cannot tell whether its disk is an old one starts read-only, until those who
// know were met; once they were it goes on, also where they go away again.
func TestStartsReadOnly(t *testing.T) {
	w, k, o := watchedBy(t)
	must(t, w.charge("r-1")) // which nobody answers before the stop
	must(t, w.Close())
	k.set(errors.New("unplugged"))
	w.Ledger = open(t, o)
	defer func() { _ = w.Close() }()
	if r := w.Requests()[0]; !r.Abandoned {
		t.Error("a charge that is left open is not abandoned")
	}
	w.c.step(2 * time.Second)
	before, size := w.Newest(), w.Size()
	for what, err := range w.writes() {
		if !errors.Is(err, ledger.ErrUnmet) || !errors.Is(err, ledger.ErrQuorum) {
			t.Errorf("%s: %v", what, err)
		}
	}
	want(t, w.Away(), ledger.ErrUnmet)
	want(t, w.Unmet(), ledger.ErrUnmet)
	want(t, w.Meet(ctx), ledger.ErrQuorum)
	if w.Size() != size || string(w.Newest()) != string(before) || !w.Health().ReadOnly || w.Health().Reached {
		t.Fatalf("%d leaves, were %d; %+v", w.Size(), size, w.Health())
	}
	k.set(nil)
	w.c.step(2 * time.Second)
	must(t, w.Meet(ctx))
	must(t, w.Unmet())
	must(t, w.charge("r-2"))
	w.c.step(2 * time.Second)
	k.set(errors.New("unplugged"))
	want(t, w.Meet(ctx), ledger.ErrQuorum)
	_, err := w.Approve(ctx, says("cy", ledger.SubjectTemplate, templateDigest, w.c.now()))
	must(t, err)
	want(t, w.charge("r-3"), ledger.ErrQuorum)
	if w.Health().ReadOnly {
		t.Error("it is read-only again")
	}
}

// What an old disk took before it was found out would be lost, and nobody would be told.
func TestOldDiskTakesNothing(t *testing.T) {
	w, k, o := watchedBy(t)
	must(t, w.Close())
	old := copyDir(t, o.Dir)
	w.Ledger = open(t, o)
	must(t, w.ask("r-1"))
	must(t, w.Close())
	o.Dir = old
	before, err := os.ReadFile(filepath.Join(old, "wal"))
	must(t, err)
	k.set(errors.New("unplugged"))
	w.Ledger = open(t, o)
	for what, err := range w.writes() {
		if !errors.Is(err, ledger.ErrUnmet) {
			t.Errorf("%s: %v", what, err)
		}
	}
	k.set(nil) // it answers, with more leaves than there are here
	w.c.step(2 * time.Second)
	want(t, w.Meet(ctx), ledger.ErrRolledBack)
	want(t, w.charge("r-2"), ledger.ErrStopped)
	_ = w.Close()
	after, err := os.ReadFile(filepath.Join(old, "wal"))
	must(t, err)
	if string(before) != string(after) {
		t.Error("it was written to")
	}
}

// A copy outside is met like a witness; a domain with neither has nobody to meet; and who
// vouches for the disk may have other witnesses named, but nothing is charged.
func TestWhomToMeet(t *testing.T) {
	l, k, c, o := kept(t) // an evaluation domain whose copy is the keeper's
	must(t, l.Close())
	k.set(errors.New("unplugged"))
	l = open(t, o)
	_, err := l.Snapshot(ctx, ledger.Snapshot{Snapshot: "snap-2", By: "steward-s"})
	want(t, err, ledger.ErrUnmet)
	must(t, l.Close())
	o.Witness = nil
	l = open(t, o)
	_, err = l.Snapshot(ctx, ledger.Snapshot{Snapshot: "snap-2", By: "steward-s"})
	must(t, err)
	_, err = l.Charge(ctx, charge("r-1", 1, c.now()))
	must(t, err)
	must(t, l.Close())

	w, k, o := watchedBy(t)
	must(t, w.Close())
	k.set(errors.New("unplugged"))
	o.Vouched = true
	w.Ledger = open(t, o)
	defer func() { _ = w.Close() }()
	w.approve(ledger.SubjectTemplate, templateDigest, "cy")
	want(t, w.charge("r-1"), ledger.ErrQuorum)
	want(t, w.Away(), ledger.ErrQuorum)
}

// Those of a policy that is durable and not signed are asked as well as those before it.
func TestBothPoliciesWitnesses(t *testing.T) {
	w, k, o := watchedBy(t)
	k.set(errors.New("unplugged")) // nothing is signed from here on
	next, first := supervised(900), supervised(1000).Witnesses
	next.Witnesses = ledger.Witnesses{Keys: []string{witnessKey("keeper.example"), witnessKey("second.example")}, Quorum: 2}
	w.approveLeaf(ledger.SubjectGrant, &next, "ada", "bo")
	_, err := w.Grant(ctx, next)
	must(t, err)
	must(t, w.Close())
	k.set(nil)
	k.absent, k.told = witnessKey("second.example"), nil
	w.Ledger = open(t, o)
	defer func() { _ = w.Close() }()
	if len(k.told) != 2 || !slices.Equal(k.told[0].Keys, first.Keys) || !slices.Equal(k.told[1].Keys, next.Witnesses.Keys) || k.told[1].Quorum != 2 {
		t.Errorf("asked were %+v", k.told)
	}
	want(t, w.Unmet(), ledger.ErrUnmet)
	w.c.step(2 * time.Second)
	want(t, w.Meet(ctx), ledger.ErrQuorum)
	want(t, w.Unmet(), ledger.ErrUnmet)
	k.absent = ""
	w.c.step(2 * time.Second)
	want(t, w.Meet(ctx), ledger.ErrQuorum) // only one of the two cosigns
	must(t, w.Unmet())
}

// To cosign what there is now is not to tell what was cosigned before.
func TestCosigningIsNotTelling(t *testing.T) {
	w, k, o := watchedBy(t)
	must(t, w.Close())
	k.absent = witnessKey("keeper.example")
	w.Ledger = open(t, o)
	defer func() { _ = w.Close() }()
	want(t, w.Unmet(), ledger.ErrUnmet)
	must(t, w.Meet(ctx)) // it cosigns
	want(t, w.Unmet(), ledger.ErrUnmet)
	want(t, w.charge("r-1"), ledger.ErrUnmet)
	k.absent = ""
	must(t, w.Meet(ctx))
	must(t, w.Unmet())
	must(t, w.charge("r-1"))
}
