package queries_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/qunxiang/qunxiang/queries"
)

// A key that is sent again by one who waits for somebody else's answer stands
// for the one ticket it was first used for, before and after the slot.
func TestFollowersKey(t *testing.T) {
	for name, fails := range map[string]bool{"released": false, "abandoned": true} {
		t.Run(name, func(t *testing.T) {
			in(t, func(t *testing.T) {
				h := newHouse(t, nil)
				h.engine.fails.Store(fails)
				if _, err := h.runner.Ask(t.Context(), "insurer-a", i3, ""); err != nil {
					t.Fatal(err)
				}
				ask := func(req queries.Request) (queries.Ticket, error) {
					return h.runner.Ask(t.Context(), "regulator-r", req, "once")
				}
				first, err := ask(i3)
				if err != nil {
					t.Fatal(err)
				}
				other := i3
				other.Cost = 0.01
				check := func(when string, want queries.State) {
					t.Helper()
					if again, err := ask(i3); err != nil || again.ID != first.ID || again.State != want {
						t.Errorf("%s: %+v (%v), want %s %s", when, again, err, first.ID, want)
					}
					if _, err := ask(other); !errors.Is(err, queries.ErrIdempotency) {
						t.Errorf("%s: another request under the key: %v", when, err)
					}
					if s, err := h.runner.Status("regulator-r", first.ID); err != nil || s.State != want {
						t.Errorf("%s: status %+v (%v)", when, s, err)
					}
				}
				check("before the slot", queries.Running)
				time.Sleep(time.Until(first.Due))
				synctest.Wait()
				if fails {
					check("after the slot", queries.Abandoned)
					if _, err := h.runner.Answer("regulator-r", first.ID); !errors.Is(err, queries.ErrAbandoned) {
						t.Errorf("its answer: %v", err)
					}
					if _, err := h.runner.Answer("insurer-a", first.ID); !errors.Is(err, queries.ErrUnknownRequest) {
						t.Errorf("another's: %v", err)
					}
				} else {
					check("after the slot", queries.Released)
				}
				h.close()
			})
		})
	}
}

// A follower is content with any release that is accurate enough: also one that
// is in the store before the one it waits for.
func TestFollowerTakesAMoreAccurateRelease(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		finer := i3
		finer.Cost = 0.1
		better, err := h.runner.Ask(t.Context(), "insurer-a", finer, "")
		if err != nil {
			t.Fatal(err)
		}
		coarser, err := h.runner.Claimed("insurer-a", i3) // as if it had been claimed before
		if err != nil {
			t.Fatal(err)
		}
		follower, err := h.runner.Follow(coarser, "regulator-r", i3)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Until(better.Due))
		synctest.Wait()
		coarser.End()
		done, err := h.runner.Wait(t.Context(), "regulator-r", follower.ID)
		if err != nil || done.State != queries.Released || done.Release != better.ID {
			t.Errorf("%+v (%v), want %s", done, err, better.ID)
		}
		if _, err := h.runner.Answer("regulator-r", done.Release); err != nil {
			t.Errorf("its answer: %v", err)
		}
		h.close()
	})
}

// Who gives up waiting is told so. What was charged is answered all the same; a follower is
// handed nothing and charged nothing.
func TestGivingUp(t *testing.T) {
	in(t, func(t *testing.T) {
		h := newHouse(t, nil)
		defer h.close()
		own, err := h.runner.Ask(t.Context(), "insurer-a", i3, "")
		if err != nil {
			t.Fatal(err)
		}
		follower, err := h.runner.Ask(t.Context(), "regulator-r", i3, "")
		if err != nil || follower.Charged || follower.Cancelled {
			t.Fatalf("%+v: %v", follower, err)
		}
		for who, id := range map[string]string{"insurer-a": own.ID, "regulator-r": follower.ID} {
			if err := h.runner.Cancel(who, id); err != nil {
				t.Fatal(err)
			}
			if s, err := h.runner.Status(who, id); err != nil || !s.Cancelled || s.State != queries.Running {
				t.Errorf("%s: %+v, %v", who, s, err)
			}
		}
		leaves := h.ledger.Size()
		time.Sleep(time.Until(own.Due))
		synctest.Wait()
		if s, err := h.runner.Status("insurer-a", own.ID); err != nil || s.State != queries.Released {
			t.Errorf("what was charged: %+v, %v", s, err)
		}
		if s, err := h.runner.Status("regulator-r", follower.ID); err != nil || s.State != queries.Abandoned || s.Charged || !s.Cancelled {
			t.Errorf("the follower: %+v, %v", s, err)
		}
		if n := h.ledger.Size() - leaves; n != 1 {
			t.Errorf("%d leaves, want the release alone", n)
		}
	})
}
