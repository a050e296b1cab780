package audit

import (
	"container/heap"
	"math"
	"math/bits"
)

// aside is what open reservations keep from all others, added up: a log may have any number
// of them, and every charge asks.
type aside struct {
	jobs   map[string]*reserve // the first of each job
	scopes map[string]*sums
	grants map[string]*sums
	ends   byEnd
}

// sums are of what is left of reservations. They do not stop at the largest number, for
// what was added is taken away again.
type sums struct{ rho, delta wide }

// wide is a sum of numbers that are not negative.
type wide struct{ high, low uint64 }

func (w *wide) add(n int64, sign int) {
	var carry uint64
	if sign < 0 {
		w.low, carry = bits.Sub64(w.low, uint64(n), 0)
		w.high -= carry
		return
	}
	w.low, carry = bits.Add64(w.low, uint64(n), 0)
	w.high += carry
}

// number is the sum, or the largest number.
func (w wide) number() int64 {
	if w.high > 0 || w.low > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(w.low)
}

func (a *aside) add(v *reserve) {
	if a.jobs == nil {
		a.jobs, a.scopes, a.grants = map[string]*reserve{}, map[string]*sums{}, map[string]*sums{}
	}
	if a.jobs[v.job] == nil {
		a.jobs[v.job] = v
	}
	v.counted = true
	a.count(v, 1)
	heap.Push(&a.ends, v)
}

// count adds what is left of a reservation, or takes it away.
func (a *aside) count(v *reserve, sign int) {
	if !v.counted {
		return
	}
	for scope := range v.scopes {
		a.scopes[scope] = a.scopes[scope].with(v.left, sign)
	}
	a.grants[v.grant] = a.grants[v.grant].with(v.left, sign)
}

func (s *sums) with(c Cost, sign int) *sums {
	if s == nil {
		s = &sums{}
	}
	s.rho.add(c.Rho, sign)
	s.delta.add(c.Delta, sign)
	return s
}

func (a *aside) drop(v *reserve) {
	a.count(v, -1)
	v.counted = false
}

// until drops what has ended by then.
func (a *aside) until(now int64) {
	for len(a.ends) > 0 && a.ends[0].end <= now {
		a.drop(heap.Pop(&a.ends).(*reserve))
	}
}

// held is what open reservations keep from all others in a scope at a time.
func (b *books) held(scope string, at int64) Cost {
	b.aside.until(max(at, b.last))
	s := b.aside.scopes[scope]
	if s == nil {
		return Cost{}
	}
	return Cost{s.rho.number(), s.delta.number()}
}

// heldQuota is what they keep from all others of a grant's quota.
func (b *books) heldQuota(grant string, at int64) int64 {
	b.aside.until(max(at, b.last))
	if s := b.aside.grants[grant]; s != nil {
		return s.rho.number()
	}
	return 0
}

// byEnd is a heap of reservations, the first to end on top.
type byEnd []*reserve

func (h byEnd) Len() int           { return len(h) }
func (h byEnd) Less(i, j int) bool { return h[i].end < h[j].end }
func (h byEnd) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push and Pop are for package heap.
func (h *byEnd) Push(v any) { *h = append(*h, v.(*reserve)) }

// Pop takes the last.
func (h *byEnd) Pop() any {
	old := *h
	v := old[len(old)-1]
	*h = old[:len(old)-1]
	return v
}
