package ledger_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy/ledger"
	witnesses "github.com/qunxiang/qunxiang/policy/witness"
)

const years = 20 * 365 * 24 * time.Hour

// timed is watchedBy with a clock that nobody sets beside the one that is set; the witness
// goes by the former.
func timed(t *testing.T) (w world, k *keeper, o ledger.Options, truth *clock) {
	t.Helper()
	w, k, o = watchedBy(t)
	must(t, w.Close())
	truth = &clock{at: w.c.now()}
	began := truth.now()
	o.Uptime = func() time.Duration { return truth.now().Sub(began) }
	var err error
	k.Cosigner, err = cosignerOf("keeper.example", truth.now)
	must(t, err)
	w.Ledger = open(t, o)
	l := w.Ledger
	t.Cleanup(func() { _ = l.Close() })
	return w, k, o, truth
}

// A clock that jumps while the log is open writes nothing before the witnesses confirm it,
// so that no leaf of a day to come holds up all that follow.
func TestClockJumps(t *testing.T) {
	for _, jump := range []time.Duration{years, -years, witnesses.Skew + time.Second, -witnesses.Skew - time.Second} {
		w, k, _, truth := timed(t)
		must(t, w.charge("r-1"))
		size := w.Size()
		w.c.step(jump)
		want(t, w.charge("r-2"), ledger.ErrClock)
		_, err := w.Deny(ctx, ledger.Deny{Principal: "insurer-a", Rule: "grant"})
		want(t, err, ledger.ErrClock)
		_, err = w.Approve(ctx, says("cy", ledger.SubjectTemplate, templateDigest, w.c.now()))
		want(t, err, ledger.ErrClock)
		want(t, w.Away(), ledger.ErrClock)
		err = w.Meet(ctx) // the witnesses have another time
		want(t, err, ledger.ErrClock)
		want(t, err, ledger.ErrQuorum)
		if w.Size() != size {
			t.Fatalf("%v: %d leaves were written", jump, w.Size()-size)
		}
		w.c.step(-jump + time.Minute) // put right, and a minute later
		truth.step(time.Minute)
		want(t, w.charge("r-2"), ledger.ErrClock) // nobody has confirmed it yet
		k.set(errors.New("unplugged"))
		want(t, w.Meet(ctx), ledger.ErrQuorum)
		want(t, w.charge("r-2"), ledger.ErrClock)
		k.set(nil)
		w.c.step(2 * time.Second)
		truth.step(2 * time.Second)
		must(t, w.Meet(ctx))
		must(t, w.charge("r-2"))
	}
}

// What clocks are apart, and time that passes, are no jump.
func TestClockIsBelieved(t *testing.T) {
	w, _, _, truth := timed(t)
	w.c.step(4 * time.Minute)
	must(t, w.ask("r-1"))
	w.c.step(-8 * time.Minute)
	_, err := w.Deny(ctx, ledger.Deny{Principal: "insurer-a", Rule: "grant"})
	want(t, err, ledger.ErrClock) // it went back by more than clocks are apart
	must(t, w.Meet(ctx))          // but the witnesses say that this is the time
	_, err = w.Deny(ctx, ledger.Deny{Principal: "insurer-a", Rule: "grant"})
	must(t, err)
	w.c.step(4 * time.Minute)
	for i := range 4 {
		w.c.step(time.Hour)
		truth.step(time.Hour)
		must(t, w.ask(fmt.Sprint("r-later-", i)))
	}
}

// A charge that is under way when the clock jumps is closed at its slot.
func TestClockJumpsBeforeASlot(t *testing.T) {
	w, _, _, _ := timed(t)
	must(t, w.charge("r-1"))
	r := w.Requests()[0]
	w.c.step(years)
	_, err := w.Release(ctx, ledger.Release{Charge: r.Index, ID: "r-1", Digest: digest("r-1")})
	want(t, err, ledger.ErrLate)
	at, err := w.Abandon(ctx, r.Index)
	must(t, err)
	leaf, _, err := w.Leaf(at)
	must(t, err)
	if !leaf.Time.Equal(r.Due) {
		t.Errorf("abandoned at %v, due at %v", leaf.Time, r.Due)
	}
}

// A log that is opened under a wrong clock is written to by nobody: neither while the
// witnesses are away nor when they have another time. What a stop left open is closed at
// the time of the newest leaf.
func TestOpenedUnderAWrongClock(t *testing.T) {
	for _, away := range []error{nil, errors.New("unplugged"), fmt.Errorf("%w: %w", witnesses.ErrAnswer, witnesses.ErrClock)} {
		w, k, o, truth := timed(t)
		must(t, w.charge("r-1"))
		last := w.Requests()[0].Time
		must(t, w.Close())
		w.c.step(years)
		k.set(away)
		w.Ledger = open(t, o)
		_, err := w.Deny(ctx, ledger.Deny{Principal: "insurer-a", Rule: "grant"})
		want(t, err, ledger.ErrClock)
		want(t, w.charge("r-2"), ledger.ErrClock)
		leaf, _, err := w.Leaf(w.Size() - 1)
		must(t, err)
		if leaf.Body.Type() != ledger.TypeAbandon || !leaf.Time.Equal(last) {
			t.Errorf("%v: %s of %v", away, leaf.Body.Type(), leaf.Time)
		}
		must(t, w.Close())
		w.c.step(-years + time.Minute)
		truth.step(time.Minute)
		k.set(nil)
		w.Ledger = open(t, o)
		must(t, w.ask("r-2"))
		w.approve(ledger.SubjectTemplate, templateDigest, "cy")
		must(t, w.Close())
	}
}

// With its witnesses away for weeks a domain takes approvals still, where somebody vouches
// for its disk: others may have to be named.
func TestApprovalsWhileTheWitnessesAreAway(t *testing.T) {
	w, k, o, _ := timed(t)
	must(t, w.Close())
	k.set(errors.New("unplugged"))
	w.c.step(30 * 24 * time.Hour)
	o.Vouched = true
	w.Ledger = open(t, o)
	defer w.Close()
	w.approve(ledger.SubjectTemplate, templateDigest, "cy")
	want(t, w.charge("r-1"), ledger.ErrQuorum)
}

// Without witnesses nobody sees a clock jump. A log whose newest leaf is of a day to come
// does not open, and says what to do; in time it does.
func TestLeafOfADayToCome(t *testing.T) {
	c := newClock()
	o := options(t.TempDir(), c)
	l := open(t, o)
	_, err := l.Grant(ctx, grant(1000))
	must(t, err)
	c.step(24 * time.Hour)
	_, err = l.Deny(ctx, ledger.Deny{Principal: "insurer-a", Rule: "grant"})
	must(t, err)
	must(t, l.Close())
	c.step(-24*time.Hour - time.Second)
	_, err = ledger.Open(o)
	want(t, err, ledger.ErrClock)
	if _, err := ledger.Read(o.Dir, verifier(t)); err != nil {
		t.Error("it cannot be read either:", err)
	}
	c.step(time.Second)
	must(t, open(t, o).Close())
}
