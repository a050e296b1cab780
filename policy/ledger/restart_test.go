package ledger_test

import (
	"crypto/ed25519"
	"fmt"
	"os"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/qunxiang/qunxiang/dp"
	"github.com/qunxiang/qunxiang/policy/ledger"
)

// picture is all that a fold says.
type picture struct {
	Size      int64
	Scopes    []string
	Spent     []dp.Cost
	Requests  []ledger.Request
	Found     [][]ledger.Request
	Snapshots []string
	Grant     ledger.Grant
	Quota     int64
	Suspended bool
	Asked     []ledger.Asked
	Reserved  []ledger.Reservation
}

func look(s *ledger.State) picture {
	p := picture{Size: s.Size(), Scopes: s.Scopes(), Requests: s.Requests(), Snapshots: s.Snapshots(),
		Quota: s.Quota("g-small"), Suspended: s.Suspended(template), Reserved: s.Reservations()}
	for _, scope := range p.Scopes {
		p.Spent = append(p.Spent, s.Spent(scope))
	}
	p.Grant, _ = s.InForce()
	for i := range 4 {
		p.Found = append(p.Found, s.Find(fmt.Sprint("key-", i)))
		a, _ := s.ByIdempotency("insurer-a", fmt.Sprint("idem-", i))
		p.Asked = append(p.Asked, a)
	}
	return p
}

// Whatever is asked of a ledger in whatever order, a reader and a restart fold
// to the same state, and the budget was kept at every step.
func TestRestartFoldsToTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp("", "ledger")
		if err != nil {
			t.Fatal(err)
		}
		defer os.RemoveAll(dir)
		c := newClock()
		o := options(dir, c)
		l, err := ledger.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		limit := int64(1000)
		var open, done []ledger.Request
		n := func(high int64, what string) int64 { return rapid.Int64Range(0, high).Draw(t, what) }
		for i := range rapid.IntRange(1, 25).Draw(t, "steps") {
			c.step(time.Duration(n(3, "seconds")) * time.Second)
			switch n(7, "step") {
			case 0:
				rho := max(1, limit-n(3, "less"))
				if _, err := l.Grant(ctx, grant(rho)); err == nil {
					limit = rho
				}
			case 1:
				_, _ = l.Snapshot(ctx, ledger.Snapshot{Snapshot: fmt.Sprint("snap-", n(2, "snapshot")), By: "s"})
			case 2, 3:
				a := charge(fmt.Sprint("r-", i), 1+n(200, "rho"), c.now())
				a.Key, a.Idempotency = fmt.Sprint("key-", n(3, "key")), fmt.Sprint("idem-", n(3, "idempotency"))
				if n(1, "grant") == 0 {
					a.Grant = "g-small"
				}
				if _, err := l.Charge(ctx, under(l, a)); err == nil {
					r, _ := l.Trace(a.ID)
					open = append(open, r.Request)
				}
			case 4:
				if len(open) > 0 {
					if _, err := l.Release(ctx, ledger.Release{Charge: open[0].Index, ID: open[0].ID, Digest: digest("d")}); err == nil {
						done, open = append(done, open[0]), open[1:]
					}
				}
			case 5:
				if len(open) > 0 {
					if _, err := l.Abandon(ctx, open[0].Index); err == nil {
						open = open[1:]
					}
				}
			case 6:
				if len(done) > 0 {
					r, _ := l.Trace(done[0].ID)
					_, _ = l.Replay(ctx, ledger.Replay{ID: fmt.Sprint("p-", i), Release: r.Request.Release, Grant: "g-1", Principal: "insurer-a",
						Organisation: "o", Purpose: "pricing", Idempotency: fmt.Sprint("idem-", n(3, "idempotency")), Request: "q"})
				}
			case 7:
				_, _ = l.Resume(ctx, template, "steward-s")
			}
			for _, scope := range l.Scopes() {
				if !l.Spent(scope).Fits(dp.Cost{Rho: 1000, Delta: 1000}) {
					t.Fatalf("%s: spent %v", scope, l.Spent(scope))
				}
			}
			if l.Quota("g-small") > 25 {
				t.Fatalf("quota passed: %d", l.Quota("g-small"))
			}
		}
		if _, err := l.Checkpoint(ctx); err != nil {
			t.Fatal(err)
		}
		before := look(l.State)
		s, err := ledger.Read(dir, ledger.VerifierKey(population, private.Public().(ed25519.PublicKey)))
		if err != nil {
			t.Fatal(err)
		}
		if after := look(s); !reflect.DeepEqual(before, after) {
			t.Fatalf("read:\n%+v\nwas:\n%+v", after, before)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		once, err := ledger.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		first := look(once.State)
		if err := once.Close(); err != nil {
			t.Fatal(err)
		}
		twice, err := ledger.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		defer twice.Close()
		if second := look(twice.State); !reflect.DeepEqual(first, second) {
			t.Fatalf("second restart:\n%+v\nwas:\n%+v", second, first)
		}
		if first.Size != before.Size+int64(len(open)) || !reflect.DeepEqual(first.Spent, before.Spent) {
			t.Fatalf("a restart does more than abandon %d orphans", len(open))
		}
	})
}
