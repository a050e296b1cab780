package audit

import (
	"fmt"
	"math"
	"testing"

	"pgregory.net/rapid"
)

// What is added up of reservations is what adding them one by one comes to, whatever is
// drawn from them, closed and ended.
func TestAsideAddsUp(t *testing.T) {
	scopes, grants := []string{"life", "2017", "2018"}, []string{"g", "h"}
	rapid.Check(t, func(t *rapid.T) {
		var b books
		n := func(high int64, what string) int64 { return rapid.Int64Range(0, high).Draw(t, what) }
		amount := rapid.SampledFrom([]int64{0, 1, 7, math.MaxInt64})
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch n(3, "step") {
			case 0:
				b.last += n(5, "seconds")
			case 1:
				v := &reserve{job: fmt.Sprint(n(3, "job")), grant: grants[n(1, "grant")], scopes: map[string]bool{}, end: b.last + n(9, "end"),
					left: Cost{amount.Draw(t, "rho"), amount.Draw(t, "delta")}}
				for _, s := range scopes[n(2, "scopes"):] {
					v.scopes[s] = true
				}
				b.reserves = append(b.reserves, v)
				b.aside.add(v)
			case 2:
				if len(b.reserves) > 0 {
					v := b.reserves[n(int64(len(b.reserves)-1), "which")]
					v.closed = true
					b.aside.drop(v)
				}
			case 3:
				if len(b.reserves) > 0 {
					v := b.reserves[n(int64(len(b.reserves)-1), "which")]
					b.aside.count(v, -1)
					v.left = Cost{n(v.left.Rho, "rho left"), n(v.left.Delta, "delta left")}
					b.aside.count(v, 1)
				}
			}
			for _, scope := range scopes {
				var want Cost
				for _, v := range b.reserves {
					if v.open(b.last) && v.scopes[scope] {
						want = want.plus(v.left)
					}
				}
				if got := b.held(scope, b.last); got != want {
					t.Fatalf("%s: %+v, one by one %+v", scope, got, want)
				}
			}
			for _, grant := range grants {
				var want int64
				for _, v := range b.reserves {
					if v.open(b.last) && v.grant == grant {
						want = add(want, v.left.Rho)
					}
				}
				if got := b.heldQuota(grant, b.last); got != want {
					t.Fatalf("%s: %d, one by one %d", grant, got, want)
				}
			}
		}
	})
}
