package ledger_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/qunxiang/qunxiang/policy/ledger"
)

// What an operator watches: open and abandoned charges, and releases that wait.
func TestHealth(t *testing.T) {
	c := newClock()
	l, _ := fresh(t, c)
	if h := l.Health(); h.Witnessed || !h.Reached || h.Leaves != 2 || h.Uncovered != 0 || h.Open != 0 {
		t.Fatalf("a new log: %+v", h)
	}
	_, err := l.Charge(ctx, charge("r-1", 1, c.now()))
	must(t, err)
	lost, err := l.Charge(ctx, charge("r-2", 1, c.now()))
	must(t, err)
	if h := l.Health(); h.Open != 2 || h.Uncovered != 2 || h.Waiting != 0 {
		t.Fatalf("two charges: %+v", h)
	}
	c.step(2 * time.Second)
	_, err = l.Release(ctx, ledger.Release{Charge: 2, ID: "r-1", Digest: digest("r-1")})
	must(t, err)
	_, err = l.Abandon(ctx, lost)
	must(t, err)
	c.step(time.Hour)
	if h := l.Health(); h.Open != 0 || h.Abandoned != 1 || h.Waiting != 0 || h.Uncovered != 1 || h.Checkpoint != time.Hour {
		t.Fatalf("answered, and abandoned: %+v", h)
	}
	must(t, l.Meet(ctx))
	if h := l.Health(); h.Checkpoint != 0 || h.Uncovered != 0 {
		t.Fatalf("signed again: %+v", h)
	}
}

// That the witnesses are away is seen, and what waits for them.
func TestHealthOfWitnesses(t *testing.T) {
	l, k, c, _ := kept(t)
	if h := l.Health(); !h.Witnessed || !h.Reached || h.Contact != 0 {
		t.Fatalf("in reach: %+v", h)
	}
	at, err := l.Charge(ctx, charge("r-1", 1, c.now()))
	must(t, err)
	k.set(errors.New("unplugged"))
	c.step(2 * time.Second)
	_, err = l.Release(ctx, ledger.Release{Charge: at, ID: "r-1", Digest: digest("r-1")})
	want(t, err, ledger.ErrQuorum)
	if h := l.Health(); !h.Witnessed || h.Reached || h.Waiting != 1 || h.Contact != 2*time.Second {
		t.Fatalf("away: %+v", h)
	}
	k.set(nil)
	c.step(time.Hour)
	if h := l.Health(); h.Reached || h.Contact != time.Hour+2*time.Second {
		t.Fatalf("not heard of for an hour: %+v", h)
	}
	must(t, l.Meet(ctx))
	if h := l.Health(); !h.Reached || h.Waiting != 0 {
		t.Fatalf("back: %+v", h)
	}
}

// Who looks at the log judges its clock, and the ledger remembers a jump: one at a time
// does, before the jump and after it.
func TestHealthOfAClock(t *testing.T) {
	w, _, o := watchedBy(t)
	must(t, w.Close())
	var judging, together atomic.Int64
	o.Uptime = func() time.Duration {
		if judging.Add(1) > 1 {
			together.Add(1)
		}
		time.Sleep(time.Millisecond) // long enough for another to come in, if one can
		judging.Add(-1)
		return time.Hour
	}
	w.Ledger = open(t, o)
	defer w.Close()
	must(t, w.Meet(ctx))
	for _, jump := range []time.Duration{0, time.Hour} {
		w.c.step(jump)
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				if w.Health().Reached != (jump == 0) {
					t.Errorf("a jump of %v: not seen", jump)
				}
			})
		}
		all.Wait()
	}
	if n := together.Load(); n > 0 {
		t.Errorf("%d judged the clock while another did", n)
	}
}
